"""The tables and the plot of ``make bench``, from its JSON alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MAIN = "one-480p"
TARGETS = (
    ("whole frame, one face, 640×480", "ms", 8.0),
    ("peak memory", "peak_rss_mb", 5.0),
    ("start to first reading", "start_s", 5.0),
    ("install size", "install_mb", 20.0),
)
"""What is compared with the best of fer's two paths, and how many times less it shall be."""


def _value(entry: dict[str, Any], key: str) -> float:
    return float(entry["scenes"][MAIN][key] if key == "ms" else entry[key])


def as_markdown(result: dict[str, Any]) -> str:
    """Return summary, ratios, times per scene and hits as Markdown."""
    entries: dict[str, dict[str, Any]] = result["contenders"]
    m = result["machine"]
    lines = [
        f"{m['cpu']}, {result['cores_used']} of {m['cores']} cores used, {m['system']}, "
        f"Python {m['python']}, {m['when']}; load {m['load_before']} before and "
        f"{m['load_after']} after; {result['rounds'] * result['calls_per_round']} calls a scene.",
        "",
        "| one face, 640×480 | frame ms | p95 | CPU ms | peak MB | start s | install MB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for entry in entries.values():
        s = entry["scenes"][MAIN]
        lines.append(
            f"| {entry['title']} | {s['ms']:.1f} | {s['ms_p95']:.1f} | {s['cpu_ms']:.1f} | "
            f"{entry['peak_rss_mb']:.0f} | {entry['start_s']:.2f} | {entry['install_mb']} |"
        )
    peers = [e for n, e in entries.items() if n.startswith("fer_")]
    if "ours" in entries and peers:
        lines += [
            "",
            "| against the better of fer's two paths | fer | fer-edge | times less | target |",
            "|---|---:|---:|---:|---|",
        ]
        for name, key, target in TARGETS:
            theirs, own = min(_value(e, key) for e in peers), _value(entries["ours"], key)
            ratio = theirs / own
            said = "met" if ratio >= target else "missed"
            lines.append(
                f"| {name} | {theirs:.4g} | {own:.4g} | {ratio:.1f} | {target:g}: {said} |"
            )
    scenes = list(next(iter(entries.values()))["scenes"])
    for title, form in (
        ("median ms per frame", "{ms:.1f}"),
        ("faces found of those there + ghosts", "{found}/{faces} + {ghosts}"),
    ):
        lines += ["", f"| {title} | " + " | ".join(scenes) + " |", "|---|" + "---:|" * len(scenes)]
        for entry in entries.values():
            cells = (form.format(**entry["scenes"][s]) for s in scenes)
            lines.append(f"| {entry['title']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw the four figures of the summary as bars on logarithmic axes."""
    from matplotlib.figure import Figure

    entries = list(result["contenders"].values())
    figure = Figure(figsize=(10, 0.8 + 0.85 * len(entries)), dpi=140, layout="constrained")
    panels = figure.subplots(2, 2, sharey=True).ravel()
    titles = ("ms per frame (640×480, one face)", "peak memory, MB",
              "start to first reading, s", "install size, MB")  # fmt: skip
    for axes, (_, key, _), title in zip(panels, TARGETS, titles, strict=True):
        values = [_value(e, key) for e in entries]
        colors = ["#0b5394" if e["title"] == "fer-edge" else "#b8c2cc" for e in entries]
        axes.barh(range(len(entries)), values, color=colors, height=0.7)
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 3, max(values) * 4)
        for place, value in enumerate(values):
            axes.text(value * 1.1, place, f"{value:.3g}" if value < 100 else f"{value:.0f}",
                      va="center", size=8.5)  # fmt: skip
        axes.set_title(title, loc="left", size=9.5)
        axes.set_yticks(range(len(entries)), [e["title"] for e in entries], size=8.5)
        axes.invert_yaxis() if axes is panels[0] else None
        axes.xaxis.set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    figure.supxlabel(
        "less is better; the bars are on logarithmic scales", size=8.5, color="#5b6673"
    )
    figure.savefig(path)
