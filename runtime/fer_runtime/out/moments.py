"""Moments, visits and minutes out of readings: the one place where they are derived.

Time is always handed in. Frames carry their own, the source's state comes with the daemon's;
both are one monotonic clock wherever a source can be lost (a file cannot).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from ..labels import EMOTIONS
from ..reading import (
    LOST,
    FaceInView,
    FaceReading,
    FrameReadings,
    Minute,
    Moment,
    Record,
    Shares,
    Visit,
)
from .sums import MinuteSoFar, Stay, Totals

_STEP_S: Final = 2.0
"""Wall clock and monotonic clock disagree by more: the clock was set, a new minute begins."""
_BACK_S: Final = 60.0
"""A frame this far in the past is no late one: its clock has begun again."""
_MINUTE: Final = timedelta(minutes=1)


class Moments:
    """Derives the records of one run.

    The time between two frames belongs to the label that the second one shows. A face that is
    missed for no longer than `max_gap_s` has been in view all the while; time in which the
    source was lost belongs to nobody. A visit therefore lasts from its first to its last
    detection, less what was lost in between, and visits and minutes have the same sum.

    Parameters
    ----------
    device, run
        Name of the kiosk, and of this run of the program.
    max_gap_s
        A face unseen for so long is gone, in seconds (``tracker.max_gap_s``).
    visit_update_s
        A visit under way is told so often, in seconds; 0 never.
    """

    def __init__(
        self, device: str, run: str, *, max_gap_s: float = 1.0, visit_update_s: float = 10.0
    ) -> None:
        self.device, self.run = device, run
        self.max_gap_s, self.visit_update_s = max_gap_s, visit_update_s
        self.totals = Totals()
        """What all visits and minutes of the run add up to so far."""
        self._stays: dict[int, Stay] = {}
        self._minute: MinuteSoFar | None = None
        self._state = "starting"
        self._lost = False
        """Whether the source has been lost since the last frame."""
        self._faces: tuple[FaceInView, ...] = ()
        self._frame: int | None = None
        self._frame_s = self._elapsed_s = 0.0
        self._mark_s: float | None = None
        """Up to when time has been counted, and what the wall clock said then."""
        self._mark_wall = datetime.min

    def frame(self, readings: FrameReadings) -> list[Record]:
        """Take one frame; return the records that it gives, the moment last."""
        now, wall = readings.time_s, readings.wall
        out: list[Record] = []
        if self._mark_s is not None and now < self._mark_s - _BACK_S:
            out += [self._end(stay) for stay in list(self._stays.values())]
            self._mark_s = None
        seen = {face.face_id: face for face in readings.faces}
        if self._lost:
            for stay in self._stays.values():
                stay.counted_s = max(stay.counted_s, now)
        out += self._expire(now, seen)
        out += self._count(now, wall, () if self._lost else readings.faces)
        out += self._see(readings)
        if self._state != "idle" or seen:
            self._state = "running"
        self._lost = False
        self._frame, self._frame_s, self._elapsed_s = readings.frame, now, readings.elapsed_s
        self._faces = self._in_view(readings)
        out.append(self._moment(wall, readings.elapsed_s))
        return out

    def state(self, state: str, now: float, wall: datetime) -> list[Record]:
        """Take the source's state, several times a second; return the records that it gives."""
        out: list[Record] = []
        if state in LOST:
            self._lost, self._faces = True, ()
            out += self._count(now, wall, ())
            out += self._expire(now, {})
        if state != self._state:
            self._state = state
            elapsed = self._elapsed_s
            if self._frame is not None and state in LOST:
                elapsed += max(0.0, now - self._frame_s)
            out.append(self._moment(wall, elapsed))
        return out

    def end(self, wall: datetime) -> list[Record]:
        """End the run: visits at their last detection, and the minute under way."""
        out: list[Record] = [self._end(stay) for stay in list(self._stays.values())]
        out += self._close_minute()
        self._mark_s = None
        self._state, self._faces = "stopping", ()
        out.append(self._moment(wall, self._elapsed_s))
        return out

    # -- time -----------------------------------------------------------------------------

    def _count(self, now: float, wall: datetime, faces: Iterable[FaceReading]) -> list[Record]:
        """Count the time up to `now`, cut where minutes of the wall clock end."""
        out: list[Record] = []
        if self._mark_s is None or self._minute is None:
            self._minute = self._minute or MinuteSoFar(_floor(wall))
            self._mark_s, self._mark_wall = now, wall
            return out
        if now <= self._mark_s:
            return out
        expected = self._mark_wall + timedelta(seconds=now - self._mark_s)
        step_s = (wall - expected).total_seconds()
        # Within the interval the wall clock is taken to run evenly, and a set clock to have
        # been set at its end.
        end = expected if abs(step_s) > _STEP_S else wall
        rate = (now - self._mark_s) / max((end - self._mark_wall).total_seconds(), 1e-9)
        start_s, start_wall = self._mark_s, self._mark_wall
        while end >= self._minute.start + _MINUTE:
            # In the offset of now: summer time may have begun or ended with this minute.
            boundary = (self._minute.start + _MINUTE).astimezone(wall.tzinfo)
            at_s = start_s + (boundary - start_wall).total_seconds() * rate
            self._spend(min(max(at_s, self._mark_s), now), faces)
            out += self._close_minute()
            self._minute = MinuteSoFar(boundary)
        self._spend(now, faces)
        if end is not wall:
            out += self._close_minute()
            self._minute = MinuteSoFar(_floor(wall))
        self._mark_wall = wall
        return out

    def _spend(self, until_s: float, faces: Iterable[FaceReading]) -> None:
        """Give the time from the mark to `until_s` to the minute, and to faces in view."""
        assert self._minute is not None and self._mark_s is not None
        minute, span = self._minute, until_s - self._mark_s
        # A slowed or slewed clock gives a minute a little more than 60 seconds.
        span = min(span, max(0.0, 60.0 - minute.watched - minute.away))
        if self._lost:
            minute.away += span
            self.totals.away += span
        else:
            minute.watched += span
            self.totals.watched += span
        for face in faces:
            stay = self._stays.get(face.face_id)
            if stay is not None and until_s > stay.counted_s:
                seconds = until_s - stay.counted_s
                stay.counted_s = until_s
                stay.sum.add(face.emotion, face.valence, seconds)
                minute.sum.add(face.emotion, face.valence, seconds)
                self.totals.sum.add(face.emotion, face.valence, seconds)
        self._mark_s = until_s

    def _close_minute(self) -> list[Record]:
        minute, self._minute = self._minute, None
        if minute is None or not (minute.watched + minute.away + minute.begun + minute.ended):
            return []
        return [
            Minute(
                self.device, self.run, minute.start, minute.watched, minute.away, minute.people,
                minute.begun, minute.ended, minute.sum.seconds, minute.sum.valence,
            )
        ]  # fmt: skip

    # -- visits ---------------------------------------------------------------------------

    def _see(self, readings: FrameReadings) -> list[Record]:
        """Begin and go on with the visits of the faces in a frame."""
        out: list[Record] = []
        assert self._minute is not None
        self._minute.people = max(self._minute.people, len(readings.faces))
        now, wall = readings.time_s, readings.wall
        for face in readings.faces:
            stay = self._stays.get(face.face_id)
            new = stay is None
            if stay is None:
                stay = Stay(face.face_id, wall, wall, now, now, now, now, face.emotion)
                self._stays[face.face_id] = stay
                self._minute.begun += 1
                self.totals.visits += 1
            stay.end, stay.seen_s, stay.label = wall, max(stay.seen_s, now), face.emotion
            stay.largest = max(stay.largest, min(1.0, face.box[3] / readings.size[1]))
            every = self.visit_update_s
            if new or (every and now - stay.told_s >= every):
                stay.told_s = now
                out.append(self._visit(stay, "begin" if new else "update"))
        return out

    def _expire(self, now: float, seen: dict[int, FaceReading]) -> list[Record]:
        gone = [
            stay
            for stay in self._stays.values()
            if stay.face_id not in seen and now - stay.seen_s > self.max_gap_s
        ]
        return [self._end(stay) for stay in gone]

    def _end(self, stay: Stay) -> Record:
        del self._stays[stay.face_id]
        if self._minute is not None:
            self._minute.ended += 1
        return self._visit(stay, "end")

    def _visit(self, stay: Stay, event: str) -> Visit:
        seconds = dict(stay.sum.seconds)
        longest = max(seconds, key=seconds.__getitem__)
        return Visit(
            self.device, self.run, event, stay.face_id, stay.begin, stay.end, seconds,
            longest if seconds[longest] > 0.0 else stay.label, stay.sum.valence, stay.largest,
        )  # fmt: skip

    # -- moments --------------------------------------------------------------------------

    def _in_view(self, readings: FrameReadings) -> tuple[FaceInView, ...]:
        width, height = readings.size
        faces = []
        for face in readings.faces:
            x, y, w, h = face.box
            faces.append(
                FaceInView(
                    face.face_id,
                    face.emotion,
                    face.confidence,
                    dict(zip(EMOTIONS, face.smoothed, strict=True)),
                    face.valence,
                    Shares(x / width, y / height, w / width, h / height),
                    max(0.0, readings.time_s - self._stays[face.face_id].begin_s),
                )
            )
        return tuple(faces)

    def _moment(self, wall: datetime, elapsed_s: float) -> Moment:
        emotion, mean, faces = None, None, self._faces
        if faces:
            emotion = max(EMOTIONS, key=lambda e: math.fsum(f.probabilities[e] for f in faces))
            mean = sum(f.valence for f in faces) / len(faces)
        return Moment(
            self.device, self.run, wall, elapsed_s, self._frame, self._state, emotion, mean, faces
        )


def _floor(wall: datetime) -> datetime:
    return wall.replace(second=0, microsecond=0)
