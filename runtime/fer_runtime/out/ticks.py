"""Thins readings out: the newest one of each face per tick."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

from ..reading import FaceReading, FrameReadings


class Due(NamedTuple):
    """A reading that is to be written or sent."""

    reading: FaceReading
    wall: datetime
    """Aware local time of its frame."""
    elapsed_s: float
    """Seconds since the first frame of the run."""


class NewestPerFace:
    """Keeps the newest reading of each face until its tick is over.

    Ticks are counted from the first frame. At most one tick is kept, so memory is bounded by
    the number of faces seen within it.
    """

    def __init__(self) -> None:
        self._kept: dict[int, Due] = {}
        self._tick: int | None = None
        self._origin_s = 0.0

    def take(self, readings: FrameReadings, interval_s: float) -> list[Due]:
        """Take the readings of one frame; return what is due, in the order of frames.

        Parameters
        ----------
        readings
            The frame; a step back of its time ends the tick.
        interval_s
            Length of a tick in seconds; 0 makes every reading due at once.
        """
        now = readings.time_s
        new = [Due(face, readings.wall, readings.elapsed_s) for face in readings.faces]
        if interval_s <= 0:
            return self.flush() + new
        if self._tick is None or now < self._origin_s:
            self._origin_s, self._tick = now, None
        tick = math.floor((now - self._origin_s) / interval_s)
        due = self.flush() if tick != self._tick else []
        self._tick = tick
        self._kept.update((d.reading.face_id, d) for d in new)
        return due

    def flush(self) -> list[Due]:
        """Return what is kept, in the order of frames, without waiting for the tick's end."""
        due = sorted(self._kept.values(), key=lambda d: (d.reading.frame, d.reading.face_id))
        self._kept.clear()
        return due

    def restart(self) -> None:
        """Count ticks from the next frame, as after a change of the interval."""
        self._tick = None
