"""Prints comparisons as a table."""

from __future__ import annotations

from collections.abc import Sequence

from fer_runtime.labels import EMOTIONS

from .verify import Comparison

_HEADINGS = (
    "variant", "interpreter", "kB", "max err", "mean err", "agree %", "acc. %", "lost",
    "1 thread ms (p95)", "2 threads ms (p95)", "MiB",
)  # fmt: skip


def comparison_table(rows: Sequence[Comparison], chosen: str = "") -> str:
    """Return the table of sizes, errors, accuracy and latencies as Markdown.

    Errors are of probabilities (0–1); ``lost`` is in points of accuracy against the original.
    The `chosen` variant is marked with an asterisk.
    """
    cells = [list(_HEADINGS)]
    for row in rows:
        name = f"{row.variant}*" if row.variant == chosen else row.variant
        start = [name, f"{row.interpreter} {row.version}", f"{row.bytes / 1000:,.0f}"]
        if row.error:
            cells.append([*start, *[""] * (len(_HEADINGS) - 3)])
            continue
        known = row.accuracy is not None and row.reference_accuracy is not None
        memory = "" if row.memory_mib is None else f"{row.memory_mib:.0f}"
        cells.append(
            [
                *start,
                f"{row.max_error:.4f}",
                f"{row.mean_error:.5f}",
                f"{100 * row.agreement:.2f}",
                f"{100 * (row.accuracy or 0):.2f}" if known else "not measured",
                f"{100 * row.drop:+.2f}" if known else "",
                f"{row.median_ms_1:.2f} ({row.p95_ms_1:.2f})",
                f"{row.median_ms_2:.2f} ({row.p95_ms_2:.2f})",
                memory,
            ]
        )
    lines = markdown(cells)
    lines += [f"{row.variant} on {row.interpreter}: {row.error}" for row in rows if row.error]
    return "\n".join(lines)


def recall_table(rows: Sequence[Comparison]) -> str:
    """Return the share of each class found, in percent; empty where no class is known."""
    shown = [row for row in rows if row.recall]
    if not shown:
        return ""
    cells = [["recall %", "interpreter", *EMOTIONS]]
    for row in shown:
        found = [f"{100 * row.recall[e]:.1f}" if e in row.recall else "" for e in EMOTIONS]
        cells.append([row.variant, row.interpreter, *found])
    return "\n".join(markdown(cells))


def markdown(cells: list[list[str]]) -> list[str]:
    """Return the lines of an aligned Markdown table; numbers to the right."""
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]

    def line(values: list[str]) -> str:
        parts = [
            value.ljust(width) if i < 2 else value.rjust(width)
            for i, (value, width) in enumerate(zip(values, widths, strict=True))
        ]
        return f"| {' | '.join(parts)} |"

    rule = [("-" * w if i < 2 else "-" * (w - 1) + ":") for i, w in enumerate(widths)]
    return [line(cells[0]), line(rule), *(line(values) for values in cells[1:])]
