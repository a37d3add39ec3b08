"""One integer per person, kept while the person is in view."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..arrays import Box
from ..settings.faces import TrackerSettings
from .detector import Detection, iou

# A face may be this far from where it is expected, in face heights, and so much further for each
# second since it was seen, up to a limit; heights may differ by this factor.
_REACH, _REACH_PER_S, _REACH_MOST = 0.4, 2.0, 1.5
_SIZE_RATIO = 1.6
_SIZE_WEIGHT = 2.0
# The velocity is measured over this long. Network cameras deliver frames in bursts, so that the
# time between two says little: a shorter span than _SHORTEST_S counts as that.
_SPAN_S, _SHORTEST_S = 0.4, 0.1
_COAST_S = 0.3  # time constant with which it fades while the face is unseen
_CONFIRM_LOOKS = 3
# A new face over a known one is the same face found twice.
_TWICE_IOU = 0.3
# Slow sources: nobody is gone before a look was due, with this much patience.
_PATIENCE, _STEP_GAIN = 1.5, 0.3


@dataclass
class Track:
    """One person: where the face is, where it is going."""

    face_id: int
    """1, 2, 3 ... in order of confirmation; never used again within a run. 0 until confirmed."""
    detection: Detection
    """The newest detection, or the predicted one between two detections."""
    seen_s: float
    """Time of the newest detection in seconds."""
    hits: int = 1
    """Looks that found the face."""
    looks: int = 1
    """Looks since it was first found."""
    missed: int = 0
    """Looks since it was last found."""
    path: deque[tuple[float, float, float]] = field(default_factory=deque)
    """Time and centre x, y of the last detections."""
    state: NDArray[np.float32] | None = None
    """(S,) what a step model remembers of the face; None before it was read, or without one."""
    read_s: float = 0.0
    """When that was, in seconds."""

    @property
    def velocity(self) -> tuple[float, float]:
        """Motion of the box centre in pixels a second."""
        if len(self.path) < 2:
            return (0.0, 0.0)
        (t0, x0, y0), (t1, x1, y1) = self.path[0], self.path[-1]
        span = max(t1 - t0, _SHORTEST_S)
        return ((x1 - x0) / span, (y1 - y0) / span)

    def predict(self, now: float) -> Box:
        """Return the box expected at `now`: constant velocity that fades while unseen."""
        dt = max(0.0, now - self.seen_s)
        reach = _COAST_S * (1.0 - math.exp(-dt / _COAST_S))
        x, y, w, h = self.detection.box
        vx, vy = self.velocity
        return (x + vx * reach, y + vy * reach, w, h)

    def see(self, detection: Detection, now: float) -> None:
        """Take a new detection of this person."""
        self.detection, self.seen_s = detection, now
        self.hits, self.missed = self.hits + 1, 0
        self.note(now)

    def note(self, now: float) -> None:
        """Add the newest detection to the path, and forget what is too old to tell a velocity."""
        d = self.detection
        self.path.append((now, d.x + d.w / 2, d.y + d.h / 2))
        while len(self.path) > 2 and self.path[1][0] <= now - _SPAN_S:
            self.path.popleft()


class Tracker:
    """Joins detections of successive looks into tracks by position, size and motion.

    Two steps, as in Zhang et al. 2022, "ByteTrack": sure detections are matched first, then
    unsure ones with the tracks that are left, which they keep alive; an unsure detection never
    begins a track. A person gets an id when found in two of three looks; what was found before
    is not written, and not made up for later. No appearance is stored, so a person who leaves for
    longer than ``max_gap_s`` comes back under a new id.
    """

    def __init__(self, settings: TrackerSettings | None = None, *, sure: float = 0.6) -> None:
        """Begin with nobody; detections of a score from `sure` on may begin a track."""
        self.settings = settings or TrackerSettings()
        self._sure = sure
        self._tracks: list[Track] = []
        self._next_id = 1
        self._look_s: float | None = None
        self._step_s = 0.0

    def reset(self) -> None:
        """Forget everybody; ids go on counting."""
        self._tracks = []
        self._look_s = None

    @property
    def tracks(self) -> list[Track]:
        """Everybody who is known, confirmed or not, found at the last look or missed since."""
        return list(self._tracks)

    def update(
        self, detections: list[Detection], now: float, *, at_once: bool = False
    ) -> list[Track]:
        """Take the detections of the frame at `now` seconds.

        Parameters
        ----------
        detections
            Sure and unsure ones, in any order.
        now
            Seconds on a clock that does not step back.
        at_once
            Confirm newcomers at their first look, for pictures that stand alone.

        Returns
        -------
        The confirmed people found in this frame, in the order of their detections.
        """
        self._expire(now)
        self._pace(now)
        for track in self._tracks:
            track.looks, track.missed = track.looks + 1, track.missed + 1
        sure = [d for d in detections if d.score >= self._sure]
        unsure = [d for d in detections if d.score < self._sure]
        confirmed = [t for t in self._tracks if t.face_id]
        taken = self._match(confirmed, sure, now)
        # One that was missed before may be matched by a sure face only.
        left = [t for t in confirmed if t.missed == 1]
        taken |= self._match(left, unsure, now)
        rest = [d for d in sure if id(d) not in taken]
        taken |= self._match([t for t in self._tracks if not t.face_id], rest, now)
        for d in rest:
            if id(d) in taken:
                continue
            if any(not t.missed and iou(t.detection.box, d.box) > _TWICE_IOU for t in self._tracks):
                continue
            track = Track(0, d, now)
            track.note(now)
            self._tracks.append(track)
        for track in self._tracks:
            if not track.face_id and not track.missed and (at_once or track.hits >= 2):
                track.face_id, self._next_id = self._next_id, self._next_id + 1
        self._tracks = [t for t in self._tracks if t.face_id or t.looks < _CONFIRM_LOOKS]
        order = {id(d): i for i, d in enumerate(detections)}
        found = [t for t in self._tracks if t.face_id and not t.missed]
        return sorted(found, key=lambda t: order[id(t.detection)])

    def coast(self, now: float) -> list[Track]:
        """Return where those found at the last look are expected at `now`, for a frame unsearched.

        Whoever was missed at the last look may have left, so nothing is read of them.
        """
        self._expire(now)
        out = []
        for track in self._tracks:
            if track.face_id and not track.missed:
                x, y, w, h = track.predict(now)
                moved = replace(track.detection, x=x, y=y, w=w, h=h, eyes=None)
                out.append(replace(track, detection=moved))
        return out

    def _pace(self, now: float) -> None:
        """Keep the usual time between two looks."""
        if self._look_s is not None:
            step = now - self._look_s
            self._step_s += (_STEP_GAIN if self._step_s else 1.0) * (step - self._step_s)
        self._look_s = now

    def _expire(self, now: float) -> None:
        step = self._step_s
        if not step and self._look_s is not None:
            step = now - self._look_s
        gap = max(self.settings.max_gap_s, _PATIENCE * step)
        self._tracks = [t for t in self._tracks if now - t.seen_s <= gap]

    def _match(self, tracks: list[Track], detections: list[Detection], now: float) -> set[int]:
        """Give detections to tracks, the likeliest pair first; return the `id` of those given."""
        pairs = []
        for i, track in enumerate(tracks):
            if track.missed:
                box, dt = track.predict(now), now - track.seen_s
                for j, d in enumerate(detections):
                    cost = self._distance(box, d.box, dt)
                    if cost is not None:
                        pairs.append((cost, i, j))
        pairs.sort()
        done: set[int] = set()
        taken: set[int] = set()
        for _, i, j in pairs:
            if i not in done and id(detections[j]) not in taken:
                done.add(i)
                taken.add(id(detections[j]))
                tracks[i].see(detections[j], now)
        return taken

    def _distance(self, a: Box, b: Box, dt: float) -> float | None:
        """Return how unlike two boxes are, in face heights; None for another person."""
        size, ratio = (a[3] + b[3]) / 2, max(a[3] / b[3], b[3] / a[3])
        dx = a[0] + a[2] / 2 - b[0] - b[2] / 2
        dy = a[1] + a[3] / 2 - b[1] - b[3] / 2
        far = math.hypot(dx, dy) / size
        reach = min(_REACH_MOST, _REACH + _REACH_PER_S * dt)
        near = far <= reach and ratio <= _SIZE_RATIO
        if not near and iou(a, b) < self.settings.min_iou:
            return None
        return far + _SIZE_WEIGHT * math.log(ratio)
