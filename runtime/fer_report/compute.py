"""The figures of a report: a handful of queries, whatever engine answers them.

What comes back is small (a row for each quarter of an hour and label, for each length of stay,
for each gap), so that a billion readings cost this process no more than a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import EMOTIONS, LABELS

from .data.engine import Columns, Engine
from .data.parts import quoted
from .numbers import Bins, Gap, Report, Trend
from .queries import (
    CELLS,
    CHANGES,
    ENDS,
    FACES,
    GAPS,
    LOCAL_MS,
    MOST,
    STAYS,
    STEPS,
    TICKS,
)

_BINS_S: Final = (1, 5, 15, 60, 300, 900, 1800, 3600, 3 * 3600, 86400, 7 * 86400, 28 * 86400)
"""Widths of the pieces of time, seconds; none between three hours and a day, because opening
hours would make such pieces unlike each other."""
_MOST_BINS: Final = 100
_QUARTER_S: Final = 900
_CLOCK_SET_MS: Final = 1_577_836_800_000
"""2020-01-01 UTC; this program is younger than any row before that."""


@dataclass(frozen=True)
class Span:
    """Which rows are there, before any figure is computed."""

    rows: int
    undated: int
    """Rows from before the kiosk's clock was set, where there are later ones."""
    first: tuple[int, int]
    """UTC milliseconds and offset in minutes of the earliest row with a date."""
    last: tuple[int, int]
    """The same of the latest."""
    where: str
    """The condition that keeps the rows with a date."""


def queries(parts: int) -> int:
    """Return how many queries `span` and `compute` ask of an engine with so many parts."""
    return 9 + 4 * parts


def span(engine: Engine, device: str | None = None) -> Span:
    """Return what rows there are.

    A PC with a dead battery starts in the past; where no row is later, it is all the time there
    is. With `device`, rows of others do not count.
    """
    mine = "true" if device is None else f"device = {quoted(device)}"
    dated = f"{mine} AND utc_ms >= {_CLOCK_SET_MS}"
    found = _one(engine, "SELECT count(*) AS n, coalesce(sum(CASE WHEN utc_ms >= "
                 f"{_CLOCK_SET_MS} THEN 1 ELSE 0 END), 0) AS dated "
                 f"FROM readings WHERE {mine}")  # fmt: skip
    rows, late = int(found["n"]), int(found["dated"])
    where = dated if late else mine
    ends = _one(engine, ENDS.format(where=where))
    return Span(
        rows,
        rows - late if late else 0,
        (int(ends["first_ms"]), int(ends["first_offset"])),
        (int(ends["last_ms"]), int(ends["last_offset"])),
        where,
    )


def between(where: str, since: datetime | None, until: datetime | None) -> str:
    """Return the condition for rows in ``since <= time < until`` as well.

    A time without a UTC offset means the kiosk's local time, whatever its offset was then.
    """
    for limit, compare in ((since, ">="), (until, "<")):
        if limit is not None:
            naive = limit.tzinfo is None
            aware = limit.replace(tzinfo=timezone.utc) if naive else limit
            times = LOCAL_MS if naive else "utc_ms"
            where += f" AND {times} {compare} {round(aware.timestamp() * 1000)}"
    return where


def models(engine: Engine) -> list[str]:
    """Return the names of the models that wrote the rows, sorted."""
    return sorted(map(str, engine.columns("SELECT DISTINCT model FROM readings")["model"]))


def compute(engine: Engine, where: str, gap_limit_s: float = 900.0) -> Report | None:
    """Compute all figures.

    Parameters
    ----------
    engine
        Has the table ``readings``.
    where
        Which rows.
    gap_limit_s
        Shortest stretch without a row that counts as a gap, seconds.

    Returns
    -------
    None where no row is left.
    """
    ends = _one(engine, ENDS.format(where=where))
    if not int(ends["n"]):
        return None
    parts = [f"(SELECT * FROM {part} WHERE {where})" for part in engine.parts]
    first, last = int(ends["low"]) // 1000, int(ends["high"]) // 1000
    width = next((w for w in _BINS_S if (last - first) / w <= _MOST_BINS), _BINS_S[-1])
    # Days begin at midnight and weeks on Monday; 1970-01-05 was a Monday.
    anchor = 4 * 86400 if width >= 7 * 86400 else 0
    begin = (first - anchor) // width * width + anchor
    keep_ticks(engine, where, begin, width)
    slot_s = min(_QUARTER_S, width)
    cells = _joined(
        engine.columns(CELLS.format(rows=rows, slot=slot_s, local=LOCAL_MS)) for rows in parts
    )
    label = np.asarray([LABELS.index(str(e)) for e in cells["emotion"]])
    start, seconds = cells["slot"].astype(np.int64) * slot_s, cells["seconds"].astype(np.float64)
    day = start // 86400
    days = np.arange(first // 86400, last // 86400 + 1)
    quarter = (day - days[0]) * 96 + start % 86400 // _QUARTER_S
    per_bin = _by_label((start - begin) // width, label, seconds, (last - begin) // width + 1)
    counts = engine.columns("SELECT bin, count(*) AS n FROM faces GROUP BY bin")
    seen = np.zeros(len(per_bin), np.int64)
    seen[counts["bin"].astype(np.int64)] = counts["n"]
    bins = Bins(width, (begin + np.arange(len(per_bin)) * width) * 1000, per_bin, seen)
    stays = engine.columns(STAYS)
    dwell = np.repeat(stays["ms"].astype(np.float64) / 1000, stays["n"].astype(np.int64))
    label_s = _by_label(np.zeros_like(label), label, seconds, 1)[0]
    claimed = label < len(EMOTIONS)
    confidence, sure = cells["confidence"][claimed].sum(), seconds[claimed].sum()
    runs = _one(engine, "SELECT count(*) AS n FROM ticks")
    most = max(int(_one(engine, MOST.format(rows=rows))["n"]) for rows in parts)
    return Report(
        rows=int(ends["n"]),
        runs=int(runs["n"]),
        first=(int(ends["first_ms"]), int(ends["first_offset"])),
        last=(int(ends["last_ms"]), int(ends["last_offset"])),
        label_s=label_s,
        mean_probability=np.asarray([cells[f"p_{e}"].sum() for e in EMOTIONS]) / seconds.sum(),
        mean_confidence=float(confidence / sure) if sure else float("nan"),
        faces=len(dwell),
        most_at_once=most,
        dwell_s=dwell,
        bins=bins,
        hour_s=_by_label(start // 3600 % 24, label, seconds, 24),
        # 1970-01-01 was a Thursday.
        weekday_s=_by_label((day + 3) % 7, label, seconds, 7),
        days=days,
        presence_s=_sums(quarter, seconds, len(days) * 96).reshape(-1, 96),
        transitions=_transitions(engine),
        trend=_trend(bins),
        gaps=_gaps(engine, where, gap_limit_s),
        gap_limit_s=gap_limit_s,
    )


def keep_ticks(engine: Engine, where: str, begin: int = 0, width: int = 86400) -> None:
    """Compute how long the rows of each run stand for: ``ticks (device, run, tick_s)``.

    Parameters
    ----------
    engine
        Has the table ``readings``.
    where
        Which rows count.
    begin, width
        Local beginning of the first bin and width of all, seconds, of the table ``faces``.
    """
    parts = [f"(SELECT * FROM {part} WHERE {where})" for part in engine.parts]
    found = (FACES.format(rows=p, begin=begin, width=width, local=LOCAL_MS) for p in parts)
    engine.keep("faces", *found)
    engine.keep("steps", *(STEPS.format(rows=p) for p in parts))
    engine.keep("ticks", TICKS)


def _joined(parts: Iterable[Columns]) -> Columns:
    """Return the rows of all parts; the same slot and label may be there more than once."""
    every = list(parts)
    return {name: np.concatenate([part[name] for part in every]) for name in every[0]}


def _one(engine: Engine, query: str) -> dict[str, float]:
    return {k: v[0] for k, v in engine.columns(query).items()}


def _by_label(
    group: NDArray[np.int64], label: NDArray[np.int64], weight: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Sum weights by group and label: (count, 8)."""
    width = len(LABELS)
    return _sums(group * width + label, weight, count * width).reshape(count, width)


def _sums(group: NDArray[np.int64], weight: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Sum weights by group: (count,)."""
    return np.asarray(np.bincount(group, weight, count), np.float64)


def _transitions(engine: Engine) -> NDArray[np.int64]:
    """Count changes of the label from one row of a face to its next."""
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    found: Columns = engine.columns(CHANGES)
    for before, after, n in zip(found["before"], found["after"], found["n"], strict=True):
        counts[LABELS.index(str(before)), LABELS.index(str(after))] = n
    return counts


def _trend(bins: Bins) -> Trend | None:
    """Weighted least squares; a bin weighs as much as the time it has an emotion for."""
    value = bins.valence
    some = np.isfinite(value)
    if some.sum() < 3:
        return None
    middle = bins.start_ms + bins.width_s * 500
    x = (middle[some] - middle[some][0]) / 86_400_000.0
    y, w = value[some], bins.seconds[some, : len(EMOTIONS)].sum(axis=1)
    w = w / w.sum()
    dx, dy = x - w @ x, y - w @ y
    spread = float(w @ dx**2)
    slope = float(w @ (dx * dy)) / spread
    residual = dy - slope * dx
    # Sandwich form: right whatever the scatter of the bins depends on.
    error = float(np.sqrt(((w * dx * residual) ** 2).sum())) / spread
    error *= float(np.sqrt(len(x) / (len(x) - 2)))
    ends = np.asarray([0, -1])
    return Trend(slope, error, middle[some][ends], w @ y + slope * dx[ends])


def _gaps(engine: Engine, where: str, limit_s: float) -> tuple[Gap, ...]:
    rows = f"(SELECT * FROM readings WHERE {where})"
    limit = max(1, round(limit_s * 1000))
    found = engine.columns(GAPS.format(rows=rows, limit=limit))
    gaps = [
        Gap(int(start), int(offset), float(ms) / 1000, bool(within))
        for start, offset, ms, within in zip(
            found["until_ms"], found["offset_min"], found["ms"], found["within"], strict=True
        )
    ]
    return tuple(sorted(gaps, key=lambda g: (-g.seconds, g.start_ms)))
