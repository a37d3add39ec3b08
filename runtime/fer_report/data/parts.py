"""Parquet that is too large for one sort, cut between runs.

What follows what needs the rows of a run sorted by face, and a hundred million of them fit
neither into memory nor, as an engine's temporary files, on most disks. No figure crosses a run,
though, so a few million rows of whole runs at a time give the same sums in constant memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

PART_ROWS: Final = 4_000_000
"""Rows of a part, about 300 MB while they are sorted; a longer run is a part of its own."""

Run = tuple[str, Any]
"""Device and number of a run, which ``fer-collect`` writes as a text."""


@dataclass(frozen=True)
class Part:
    """Whole runs."""

    files: list[str]
    """Those that have rows of them."""
    condition: str
    """What tells their rows from others in these files."""


def cut(counts: Iterable[tuple[str, str, Any, int]], most: int) -> list[Part]:
    """Return parts of at most `most` rows, where no run has more.

    Parameters
    ----------
    counts
        File, device, run, and how many rows of the run the file has.
    most
        Rows.
    """
    rows: dict[Run, int] = {}
    files: dict[Run, set[str]] = {}
    for file, device, run, n in counts:
        rows[device, run] = rows.get((device, run), 0) + n
        files.setdefault((device, run), set()).add(file)
    parts: list[list[Run]] = []
    filled = most
    for one in sorted(rows):
        if filled + rows[one] > most:
            parts.append([])
            filled = 0
        parts[-1].append(one)
        filled += rows[one]
    return [
        Part(sorted(set().union(*(files[run] for run in runs))), _between(runs[0], runs[-1]))
        for runs in parts
    ]


def _between(first: Run, last: Run) -> str:
    low, high = (quoted(device) for device, _ in (first, last))
    begin, end = (quoted(run) if isinstance(run, str) else str(run) for _, run in (first, last))
    if low == high:
        return f"device = {low} AND run BETWEEN {begin} AND {end}"
    return (
        f"(device > {low} OR (device = {low} AND run >= {begin})) AND "
        f"(device < {high} OR (device = {high} AND run <= {end}))"
    )


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
