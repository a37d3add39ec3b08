"""The figures of a report out of a timeline: one pass of numpy for each."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import EMOTIONS

from .logs import LABELS
from .numbers import Bins, Gap, Report, Trend
from .runs import Timeline

_BINS_S: Final = (1, 5, 15, 60, 300, 900, 1800, 3600, 3 * 3600, 86400, 7 * 86400, 28 * 86400)
"""Widths of the pieces of time, seconds; none between three hours and a day, because opening
hours would make such pieces unlike each other."""
_MOST_BINS: Final = 100
_SAME_VISIT_S: Final = 5.0
"""Two rows of a face further apart than this (or three ticks) are no change of emotion."""


def compute(timeline: Timeline, gap_limit_s: float = 900.0) -> Report:
    """Compute all figures.

    Parameters
    ----------
    timeline
        At least one row.
    gap_limit_s
        Shortest stretch without a row that counts as a gap, seconds.
    """
    r, weight = timeline.readings, timeline.weight_s
    local_ms = timeline.local_ms
    label = r.emotion.astype(np.int64)
    claimed = label < len(EMOTIONS)
    early, late = int(np.argmin(r.utc_ms)), int(np.argmax(r.utc_ms))
    local_s = local_ms // 1000
    day = local_s // 86400
    days = np.arange(day.min(), day.max() + 1)
    quarter = (day - days[0]) * 96 + local_s % 86400 // 900
    bins = _bins(timeline, local_ms)
    confidence = r.confidence[claimed].astype(np.float64)
    return Report(
        rows=len(r),
        runs=len(np.unique(timeline.run)),
        first=(int(r.utc_ms[early]), int(r.offset_min[early])),
        last=(int(r.utc_ms[late]), int(r.offset_min[late])),
        label_s=_by_label(np.zeros_like(label), label, weight, 1)[0],
        mean_probability=np.asarray(weight @ r.probabilities / weight.sum(), np.float64),
        mean_confidence=(
            float(confidence @ weight[claimed] / weight[claimed].sum())
            if claimed.any()
            else float("nan")
        ),
        faces=len(np.unique(timeline.face)),
        most_at_once=_most_at_once(timeline),
        dwell_s=_dwell(timeline),
        bins=bins,
        hour_s=_by_label(local_s // 3600 % 24, label, weight, 24),
        # 1970-01-01 was a Thursday.
        weekday_s=_by_label((day + 3) % 7, label, weight, 7),
        days=days,
        presence_s=_sums(quarter, weight, len(days) * 96).reshape(-1, 96),
        transitions=_transitions(timeline),
        trend=_trend(bins),
        gaps=_gaps(timeline, gap_limit_s),
        gap_limit_s=gap_limit_s,
    )


def _by_label(
    group: NDArray[np.int64], label: NDArray[np.int64], weight: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Sum weights by group and label: (count, 8)."""
    width = len(LABELS)
    return _sums(group * width + label, weight, count * width).reshape(count, width)


def _sums(group: NDArray[np.int64], weight: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Sum weights by group: (count,)."""
    return np.asarray(np.bincount(group, weight, count), np.float64)


def _bins(timeline: Timeline, local_ms: NDArray[np.int64]) -> Bins:
    first, last = int(local_ms.min()) // 1000, int(local_ms.max()) // 1000
    width = next((w for w in _BINS_S if (last - first) / w <= _MOST_BINS), _BINS_S[-1])
    # Days begin at midnight and weeks on Monday; 1970-01-05 was a Monday.
    anchor = 4 * 86400 if width >= 7 * 86400 else 0
    begin = (first - anchor) // width * width + anchor
    number = (local_ms // 1000 - begin) // width
    count = (last - begin) // width + 1
    label = timeline.readings.emotion.astype(np.int64)
    pairs = np.unique(number * (int(timeline.face.max()) + 1) + timeline.face)
    return Bins(
        width_s=width,
        start_ms=(begin + np.arange(count) * width) * 1000,
        seconds=_by_label(number, label, timeline.weight_s, count),
        faces=np.bincount(pairs // (int(timeline.face.max()) + 1), minlength=count),
    )


def _dwell(timeline: Timeline) -> NDArray[np.float64]:
    """Return the dwell time of each face; elapsed time, so a set clock does not matter."""
    _, face = np.unique(timeline.face, return_inverse=True)
    face = face.reshape(-1)
    elapsed = timeline.readings.elapsed_s
    count = int(face.max()) + 1
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, face, elapsed)
    np.maximum.at(high, face, elapsed)
    tick = np.zeros(count)
    tick[face] = timeline.weight_s
    return np.asarray(high - low + tick)


def _most_at_once(timeline: Timeline) -> int:
    tick = np.floor(timeline.readings.elapsed_s / timeline.weight_s + 1e-6)
    # Rows are in the order of runs and elapsed time, so a tick's rows are neighbours.
    begins = (np.diff(timeline.run) != 0) | (np.diff(tick) != 0)
    group = np.concatenate([[0], np.cumsum(begins)])
    faces = int(timeline.face.max()) + 1
    return int(np.bincount(np.unique(group * faces + timeline.face) // faces).max())


def _transitions(timeline: Timeline) -> NDArray[np.int64]:
    """Count changes of the label from one row of a face to its next."""
    order = np.lexsort((timeline.readings.elapsed_s, timeline.face))
    label = timeline.readings.emotion[order].astype(np.int64)
    face, elapsed = timeline.face[order], timeline.readings.elapsed_s[order]
    near = np.diff(elapsed) <= np.maximum(3 * timeline.weight_s[order][1:], _SAME_VISIT_S)
    changed = (np.diff(face) == 0) & near & (label[1:] != label[:-1])
    width = len(LABELS)
    pairs = label[:-1][changed] * width + label[1:][changed]
    return np.bincount(pairs, minlength=width * width).reshape(width, width)


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


def _gaps(timeline: Timeline, limit_s: float) -> tuple[Gap, ...]:
    r = timeline.readings
    order = np.argsort(r.utc_ms, kind="stable")
    utc, run = r.utc_ms[order], timeline.run[order]
    found = []
    for i in np.flatnonzero(np.diff(utc) >= limit_s * 1000):
        found.append(
            Gap(
                int(utc[i]),
                int(r.offset_min[order[i]]),
                float(utc[i + 1] - utc[i]) / 1000,
                bool(run[i] == run[i + 1]),
            )
        )
    return tuple(sorted(found, key=lambda g: (-g.seconds, g.start_ms)))
