"""Which rows belong together: runs of the service, faces within a run, time per row.

``face_id`` and ``elapsed_s`` start again with every run of the service, so a face of one run
must not be joined with the face of the same number in the next one. A log does not say where
a run ends; the rule here uses that timestamp minus elapsed time, the *origin*, is the moment
the run began, the same in all its rows unless the clock is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .logs import FACE_LIMIT, Readings
from .timestamps import as_datetime

_SAME_ORIGIN_S: Final = 1.0
"""Origins this close are one run's: stamps have milliseconds, and a service that has
restarted within a second is not plausible."""
_ORIGIN_STEP_S: Final = 5.0
"""A larger change of the origin while elapsed time goes on is a restart or a set clock."""
_GOES_ON_S: Final = 5.0
"""Rows this close in elapsed time, with the frame number going on, are one run in which the
clock was set."""

_CLOCK_SET_MS: Final = 1_577_836_800_000
"""2020-01-01 UTC; this program is younger than any row before that."""


@dataclass(frozen=True)
class Timeline:
    """Readings in the order of runs and of elapsed time, without duplicates."""

    readings: Readings
    run: NDArray[np.int64]
    """(N,) number of the run, 0 the first."""
    face: NDArray[np.int64]
    """(N,) number of the face over all runs, 0 the first."""
    weight_s: NDArray[np.float64]
    """(N,) seconds that a row stands for: the usual time between two rows of a face."""
    tick_s: NDArray[np.float64]
    """(R,) that time for each run."""
    duplicates: int
    """Rows dropped because another file has them, too."""

    @property
    def local_ms(self) -> NDArray[np.int64]:
        """(N,) the kiosk's local time in milliseconds since 1970-01-01, as if it were UTC."""
        r = self.readings
        return np.asarray(r.utc_ms + r.offset_min.astype(np.int64) * 60_000, np.int64)

    def dated(self) -> NDArray[np.bool_]:
        """(N,) whether the clock had been set: a PC with a dead battery starts in the past.

        True for all rows where none is later: then it is all the time there is.
        """
        late = np.asarray(self.readings.utc_ms >= _CLOCK_SET_MS)
        return late if late.any() else np.ones_like(late)

    def between(self, since: datetime | None, until: datetime | None) -> NDArray[np.bool_]:
        """(N,) whether rows lie in ``since <= time < until``.

        A time without a UTC offset means the kiosk's local time, whatever its offset was then.
        """
        inside = np.ones(len(self.run), np.bool_)
        for limit, keep in ((since, np.greater_equal), (until, np.less)):
            if limit is not None:
                naive = limit.tzinfo is None
                aware = limit.replace(tzinfo=timezone.utc) if naive else limit
                times = self.local_ms if naive else self.readings.utc_ms
                inside &= keep(times, round(aware.timestamp() * 1000))
        return inside

    def span(self) -> tuple[str, str]:
        """Return the earliest and the latest time, ISO-8601 to the minute."""
        r = self.readings
        ends = (int(np.argmin(r.utc_ms)), int(np.argmax(r.utc_ms)))
        first, last = (
            as_datetime(int(r.utc_ms[i]), int(r.offset_min[i])).isoformat(timespec="minutes")
            for i in ends
        )
        return first, last

    def take(self, rows: NDArray[np.bool_]) -> Timeline:
        """Return the rows of a mask."""
        return Timeline(
            self.readings.take(rows),
            self.run[rows],
            self.face[rows],
            self.weight_s[rows],
            self.tick_s,
            self.duplicates,
        )


def build_timeline(readings: Readings) -> Timeline:
    """Sort readings into runs and faces.

    Parameters
    ----------
    readings
        At least one row; rows of one file in the order of the file, files in any order.
    """
    run = _runs(readings)
    order = np.lexsort((readings.face_id, readings.frame, readings.elapsed_s, run))
    if not np.array_equal(order, np.arange(len(order))):
        readings, run = readings.take(order), run[order]
    twice = np.zeros(len(run), np.bool_)
    twice[1:] = np.diff(run) == 0
    for column in (readings.elapsed_s, readings.frame, readings.face_id):
        twice[1:] &= column[1:] == column[:-1]
    if twice.any():
        readings, run = readings.take(~twice), run[~twice]
    faces = run * FACE_LIMIT + readings.face_id
    face = np.unique(faces, return_inverse=True)[1].reshape(-1)
    tick_s = _ticks(readings.elapsed_s, run, face)
    return Timeline(readings, run, face, tick_s[run], tick_s, int(twice.sum()))


def _runs(readings: Readings) -> NDArray[np.int64]:
    """Return the number of each row's run, in the order in which the runs began."""
    origin = readings.utc_ms / 1000.0 - readings.elapsed_s
    moved = np.abs(np.diff(origin))
    forward = np.diff(readings.elapsed_s)
    clock_set = (forward >= 0) & (forward <= _GOES_ON_S) & (np.diff(readings.frame) >= 0)
    breaks = (forward < 0) & (moved > _SAME_ORIGIN_S)
    breaks |= (moved > _ORIGIN_STEP_S) & ~clock_set
    breaks |= np.diff(readings.source) != 0
    firsts = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    lasts = np.concatenate([firsts[1:] - 1, [len(origin) - 1]])

    # A run goes on in the next file after rotation, and copies of a file repeat it: pieces
    # with the same origin are one run.
    number_of: dict[int, int] = {}
    numbers = np.zeros(len(firsts), np.int64)
    began: list[float] = []
    for piece in np.argsort(readings.utc_ms[firsts], kind="stable"):
        first, last = float(origin[firsts[piece]]), float(origin[lasts[piece]])
        key = round(first / _SAME_ORIGIN_S)
        number = next((number_of[k] for k in (key, key - 1, key + 1) if k in number_of), len(began))
        if number == len(began):
            began.append(first)
        numbers[piece] = number
        for value in (first, last):
            number_of.setdefault(round(value / _SAME_ORIGIN_S), number)
    return np.repeat(numbers, lasts - firsts + 1)


def _ticks(
    elapsed_s: NDArray[np.float64], run: NDArray[np.int64], face: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the median time between two rows of a face, for each run.

    Runs whose faces have one row each get the median of the others; 1 s, the default of
    ``csv.interval_s``, where no face has two rows.
    """
    order = np.argsort(face, kind="stable")
    steps = np.diff(elapsed_s[order])
    inside = (np.diff(face[order]) == 0) & (steps > 0)
    steps, owner = steps[inside], run[order][1:][inside]
    count = int(run.max()) + 1
    ticks = np.full(count, np.median(steps) if len(steps) else 1.0)
    by_run = np.lexsort((steps, owner))
    steps, owner = steps[by_run], owner[by_run]
    begin = np.searchsorted(owner, np.arange(count))
    end = np.searchsorted(owner, np.arange(count), side="right")
    some = end > begin
    ticks[some] = steps[(begin[some] + end[some] - 1) // 2]
    return ticks
