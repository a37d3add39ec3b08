"""The figures of a report on visits or minutes: what such records know, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import LABELS

from .data.engine import Engine
from .numbers import as_datetime, clean, lengths, mean_valence, seconds
from .queries import LOCAL_MS


@dataclass(frozen=True)
class Summary:
    """What visits or minutes say."""

    kind: str
    """``visits`` or ``minutes``."""
    rows: int
    runs: int
    devices: tuple[str, ...]
    first: tuple[int, int]
    """UTC milliseconds and offset in minutes of the earliest beginning."""
    last: tuple[int, int]
    """The same of the latest beginning."""
    visits: int
    """Visits; of minutes, those that began in them."""
    people_max: int
    """Most at once on one kiosk; of visits, those that overlap."""
    label_s: NDArray[np.float64]
    """(8,) face time by label, seconds, order of `labels.LABELS`."""
    hour_s: NDArray[np.float64]
    """(24, 8) the same by the local hour in which the record began."""
    days: tuple[str, ...]
    """(D,) local days with a record, as YYYY-MM-DD."""
    day_s: NDArray[np.float64]
    """(D, 8) face time by day and label, seconds."""
    day_visits: NDArray[np.int64]
    """(D,) visits that began each day."""
    stay_s: NDArray[np.float64]
    """(V,) lengths of the visits, seconds, the shortest first; none of minutes."""
    watched_s: float
    """Seconds with a picture to look at; NaN of visits."""
    away_s: float
    """Seconds without one; NaN of visits."""

    @property
    def face_seconds(self) -> float:
        """Sum of all face time."""
        return float(self.label_s.sum())

    @property
    def shares(self) -> NDArray[np.float64]:
        """(8,) share of face time by label; NaN where nobody was seen."""
        total = self.face_seconds
        return self.label_s / total if total else np.full(len(LABELS), np.nan)

    @property
    def valence(self) -> float:
        """Mean valence over the time in which an emotion was claimed; NaN without any."""
        return float(mean_valence(self.label_s[None])[0])


def summarise(engine: Engine, kind: str, where: str) -> Summary | None:
    """Compute all figures of the table ``records``.

    Parameters
    ----------
    engine
        Has ``records`` (`data.records.load`).
    kind
        What they are.
    where
        Which of them.

    Returns
    -------
    None where no record is left.
    """
    rows = f"(SELECT * FROM records WHERE {where})"
    visits = kind == "visits"
    begun = "count(*)" if visits else "coalesce(sum(visits_begun), 0)"
    labels = ", ".join(f"coalesce(sum(s_{label}), 0) AS s_{label}" for label in LABELS)
    ends = engine.columns(
        "SELECT count(*) AS n, count(DISTINCT (device, run)) AS runs, "
        "coalesce(min(utc_ms), 0) AS first, coalesce(max(utc_ms), 0) AS last, "
        "coalesce(min_by(offset_min, utc_ms), 0) AS first_offset, "
        f"coalesce(max_by(offset_min, utc_ms), 0) AS last_offset FROM {rows}"
    )
    n, runs, first, last, first_offset, last_offset = (int(v[0]) for v in ends.values())
    if not n:
        return None
    hours = engine.columns(
        f"SELECT {LOCAL_MS} // 86400000 AS day, {LOCAL_MS} // 3600000 % 24 AS hour, "
        f"CAST({begun} AS BIGINT) AS begun, {labels} FROM {rows} GROUP BY ALL ORDER BY ALL"
    )
    by_label = np.stack([hours[f"s_{label}"] for label in LABELS], axis=1).astype(np.float64)
    day, place = np.unique(hours["day"].astype(np.int64), return_inverse=True)
    hour_s, day_s = np.zeros((24, len(LABELS))), np.zeros((len(day), len(LABELS)))
    day_visits = np.zeros(len(day), np.int64)
    np.add.at(hour_s, hours["hour"].astype(np.int64), by_label)
    np.add.at(day_s, place, by_label)
    np.add.at(day_visits, place, hours["begun"].astype(np.int64))
    stays, watched, away = np.zeros(0), float("nan"), float("nan")
    if visits:
        total = " + ".join(f"s_{label}" for label in LABELS)
        stays = engine.columns(f"SELECT {total} AS s FROM {rows} ORDER BY s")["s"]
        # One who comes as another goes meets them: beginnings first.
        most = engine.columns(
            "SELECT max(n) AS n FROM (SELECT sum(step) OVER (PARTITION BY device ORDER BY t, "
            "step DESC ROWS UNBOUNDED PRECEDING) AS n FROM (SELECT device, utc_ms AS t, 1 AS step "
            f"FROM {rows} UNION ALL SELECT device, end_ms, -1 FROM {rows}))"
        )
    else:
        sums = engine.columns(f"SELECT sum(seconds_watched) AS watched, sum(seconds_away) AS away "
                              f"FROM {rows}")  # fmt: skip
        watched, away = float(sums["watched"][0]), float(sums["away"][0])
        most = engine.columns(f"SELECT coalesce(max(people_max), 0) AS n FROM {rows}")
    devices = engine.columns(f"SELECT DISTINCT device FROM {rows} ORDER BY device")["device"]
    return Summary(
        kind, n, runs, tuple(map(str, devices)), (first, first_offset), (last, last_offset),
        int(day_visits.sum()), int(most["n"][0]), day_s.sum(axis=0), hour_s,
        tuple(str(np.datetime64(int(d), "D")) for d in day), day_s, day_visits,
        stays.astype(np.float64), watched, away,
    )  # fmt: skip


def as_dict(summary: Summary) -> dict[str, Any]:
    """Return the figures as plain numbers, texts, lists and None, for JSON.

    What the kind does not know is not there. Names are those of `numbers.as_dict`.
    """
    out: dict[str, Any] = {
        "kind": summary.kind,
        "first": as_datetime(*summary.first).isoformat(timespec="milliseconds"),
        "last": as_datetime(*summary.last).isoformat(timespec="milliseconds"),
        "rows": summary.rows,
        "runs": summary.runs,
        "devices": list(summary.devices),
        "face_seconds": round(summary.face_seconds, 3),
        "share": {k: clean(v) for k, v in zip(LABELS, summary.shares, strict=True)},
        "visits": summary.visits,
        "most_at_once": summary.people_max,
        "valence": {"mean": clean(summary.valence)},
        "by_hour": [seconds(x) for x in summary.hour_s],
        "by_day": [
            {"day": d, "visits": int(v), "seconds": seconds(x)}
            for d, v, x in zip(summary.days, summary.day_visits, summary.day_s, strict=True)
        ],
    }
    if len(summary.stay_s):
        out["dwell_s"] = lengths(summary.stay_s)
    else:
        out |= {"seconds_watched": clean(summary.watched_s, 3),
                "seconds_away": clean(summary.away_s, 3)}  # fmt: skip
    return out
