"""Every figure of the report, computed once; the page, the plots and ``--json`` show these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import EMOTIONS, LABELS, VALENCE

DWELL_EDGES_S: Final = (0.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, float("inf"))
"""Limits of the classes of dwell time, seconds."""


@dataclass(frozen=True)
class Bins:
    """The span of the logs cut into equal pieces of local time."""

    width_s: int
    """Width of a bin in seconds."""
    start_ms: NDArray[np.int64]
    """(B,) local start of each bin, milliseconds since 1970-01-01."""
    seconds: NDArray[np.float64]
    """(B, 8) face time in each bin, seconds, by label in the order of `labels.LABELS`."""
    faces: NDArray[np.int64]
    """(B,) different faces seen in each bin."""

    @property
    def valence(self) -> NDArray[np.float64]:
        """(B,) mean valence; NaN in a bin without a claimed emotion."""
        return mean_valence(self.seconds)


@dataclass(frozen=True)
class Trend:
    """A straight line through the valence of the bins, weighted by face time."""

    per_day: float
    """Change of mean valence per day."""
    error: float
    """Standard error of that, from the scatter of the bins about the line."""
    at_ms: NDArray[np.int64]
    """(2,) first and last bin's middle."""
    values: NDArray[np.float64]
    """(2,) the line there."""


@dataclass(frozen=True)
class Gap:
    """A stretch of time without a row."""

    start_ms: int
    """UTC, milliseconds since 1970-01-01: the last row before it."""
    offset_min: int
    """Local time there, minutes ahead of UTC."""
    seconds: float
    """Its length."""
    within_run: bool
    """Whether the service ran all the time: then nobody was seen, or the camera was gone."""


@dataclass(frozen=True)
class Report:
    """What the logs say. Face time is seconds of faces in view: two faces count twice."""

    rows: int
    """Rows used."""
    runs: int
    """Runs of the service that they come from."""
    first: tuple[int, int]
    """UTC milliseconds and offset in minutes of the earliest row."""
    last: tuple[int, int]
    """The same of the latest row."""
    label_s: NDArray[np.float64]
    """(8,) face time by label, seconds, order of `labels.LABELS`."""
    mean_probability: NDArray[np.float64]
    """(7,) mean raw probability by emotion, weighted by time."""
    mean_confidence: float
    """Mean confidence of the rows that claim an emotion; NaN where none does."""
    faces: int
    """Faces: how often someone came into view, not how many people."""
    most_at_once: int
    """Most faces with rows in the same tick."""
    dwell_s: NDArray[np.float64]
    """(F,) time from a face's first row to its last, plus one tick, seconds; the shortest first."""
    bins: Bins
    hour_s: NDArray[np.float64]
    """(24, 8) face time by local hour of day and label, seconds."""
    weekday_s: NDArray[np.float64]
    """(7, 8) face time by local weekday, Monday first, and label, seconds."""
    days: NDArray[np.int64]
    """(D,) local days from the first to the last, days since 1970-01-01."""
    presence_s: NDArray[np.float64]
    """(D, 96) face time by local day and quarter of an hour, seconds."""
    transitions: NDArray[np.int64]
    """(8, 8) changes of a face's label, from row to column."""
    trend: Trend | None
    """None with fewer than three bins that hold an emotion."""
    gaps: tuple[Gap, ...]
    """Stretches without a row of at least `gap_limit_s`, longest first."""
    gap_limit_s: float

    @property
    def face_seconds(self) -> float:
        """Sum of all face time."""
        return float(self.label_s.sum())

    @property
    def shares(self) -> NDArray[np.float64]:
        """(8,) share of face time by label, summing to 1."""
        return np.asarray(self.label_s / self.label_s.sum())

    @property
    def valence(self) -> float:
        """Mean valence over the time in which an emotion was claimed; NaN without any."""
        return float(mean_valence(self.label_s[None])[0])


def mean_valence(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean valence, (n,), of face time by label, (n, 8); NaN without an emotion."""
    signs = np.asarray([VALENCE[e] for e in EMOTIONS], np.float64)
    claimed = seconds[:, : len(EMOTIONS)]
    total = claimed.sum(axis=1)
    return np.divide(claimed @ signs, total, out=np.full(len(total), np.nan), where=total > 0)


def as_datetime(utc_ms: int, offset_min: int) -> datetime:
    """Return the local time of an instant, with its offset."""
    zone = timezone(timedelta(minutes=int(offset_min)))
    return datetime.fromtimestamp(int(utc_ms) / 1000, tz=zone)


def clean(value: float, digits: int = 4) -> float | None:
    """Return a figure rounded for JSON, None where it is not a number."""
    return round(float(value), digits) if np.isfinite(value) else None


def seconds(values: NDArray[np.float64]) -> dict[str, float]:
    """Return face time (8,) by the names of the labels, to the millisecond."""
    return {k: round(float(v), 3) for k, v in zip(LABELS, values, strict=True)}


def lengths(stays: NDArray[np.float64]) -> dict[str, float | None]:
    """Return what is told of lengths of stay (n,), seconds; n is not 0."""
    return {
        "median": clean(float(np.median(stays)), 3),
        "p90": clean(float(np.quantile(stays, 0.9)), 3),
        "mean": clean(stays.mean(), 3),
        "longest": clean(stays.max(), 3),
    }


def as_dict(report: Report) -> dict[str, Any]:
    """Return the figures as plain numbers, texts, lists and None, for JSON."""

    def time(ms: int, offset: int) -> str:
        return as_datetime(ms, offset).isoformat(timespec="milliseconds")

    def local(ms: int) -> str:
        return str(np.datetime64(int(ms), "ms").astype("datetime64[s]"))

    b = report.bins
    return {
        "first": time(*report.first),
        "last": time(*report.last),
        "rows": report.rows,
        "runs": report.runs,
        "face_seconds": round(report.face_seconds, 3),
        "share": {k: clean(v) for k, v in zip(LABELS, report.shares, strict=True)},
        "mean_probability": {
            k: clean(v) for k, v in zip(EMOTIONS, report.mean_probability, strict=True)
        },
        "mean_confidence": clean(report.mean_confidence),
        "faces": report.faces,
        "most_at_once": report.most_at_once,
        "dwell_s": lengths(report.dwell_s),
        "valence": {
            "mapping": VALENCE,
            "mean": clean(report.valence),
            "per_day": clean(report.trend.per_day, 6) if report.trend else None,
            "per_day_standard_error": clean(report.trend.error, 6) if report.trend else None,
        },
        "over_time": [
            {"start": local(s), "faces": int(f), "valence": clean(v), "seconds": seconds(x)}
            for s, f, v, x in zip(b.start_ms, b.faces, b.valence, b.seconds, strict=True)
        ],
        "bin_seconds": b.width_s,
        "by_hour": [seconds(x) for x in report.hour_s],
        "by_weekday": [seconds(x) for x in report.weekday_s],
        "transitions": {
            a: {z: int(n) for z, n in zip(LABELS, row, strict=True)}
            for a, row in zip(LABELS, report.transitions, strict=True)
        },
        "gap_limit_s": report.gap_limit_s,
        "gaps": [
            {"start": time(g.start_ms, g.offset_min), "seconds": round(g.seconds, 3),
             "within_run": g.within_run}
            for g in report.gaps
        ],
    }  # fmt: skip
