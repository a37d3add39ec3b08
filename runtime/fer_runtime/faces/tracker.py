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
# second since it was seen, up to a limit.
_REACH, _REACH_PER_S, _REACH_MOST = 0.5, 1.5, 1.0
# Up and down counts so much more: people walk sideways, and come nearer, with another height.
_VERTICAL = 2.0
# Its height may differ by this factor, and so much more for each second: between two looks YuNet's
# heights of one real face differ by 6 % in one case of ten, by 17 % in one of a hundred, and a
# face that comes nearer grows by a third in a second. Where boxes overlap by half, by more.
_SIZE_RATIO, _SIZE_RATIO_PER_S = 1.2, 0.1
_SAME_PLACE_IOU, _SAME_PLACE_RATIO = 0.5, 1.6
_SIZE_WEIGHT = 4.0
_SIZE_GAIN = 0.6  # of the newest height in the one compared with
# An unsure face is somebody who was seen so lately (in seconds or in looks, whichever is longer),
# and no further than this share of the reach.
_UNSURE_S, _UNSURE_LOOKS, _UNSURE_REACH = 0.5, 3, 0.7
# The velocity is measured over this long. Network cameras deliver frames in bursts, so that the
# time between two says little: a shorter span than _SHORTEST_S counts as that.
_SPAN_S, _SHORTEST_S = 0.4, 0.1
# Time constant with which it fades while the face is unseen; longer behind a larger face that
# covers it by this overlap, as whoever goes behind somebody goes on.
_COAST_S, _BEHIND_COAST_S, _BEHIND_IOU = 0.6, 1.0, 0.1
# So long somebody may be behind another before the time begins after which one is gone.
_BEHIND_S = 3.0
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
    behind: Track | None = None
    """Whose larger face has hidden it since it was lost."""
    hidden_s: float = 0.0
    """When it was last hidden so, in seconds."""
    height: float = 0.0
    """Height of the box in pixels, without the detector's trembling."""

    @property
    def velocity(self) -> tuple[float, float]:
        """Motion of the box centre in pixels a second."""
        if len(self.path) < 2:
            return (0.0, 0.0)
        (t0, x0, y0), (t1, x1, y1) = self.path[0], self.path[-1]
        span = max(t1 - t0, _SHORTEST_S)
        return ((x1 - x0) / span, (y1 - y0) / span)

    def predict(self, now: float) -> Box:
        """Return the box expected at `now`: behind whom it is, or where it goes by itself."""
        x, y, w, h = self.alone(now)
        if self.behind:
            front = self.behind.detection
            x = min(max(x, front.x - w / 2), front.x + front.w - w / 2)
            y = min(max(y, front.y - h / 2), front.y + front.h - h / 2)
        return (x, y, w, h)

    def alone(self, now: float) -> Box:
        """Return the box expected at `now` by its motion: a velocity that fades while unseen."""
        dt = max(0.0, now - self.seen_s)
        fade = _BEHIND_COAST_S if self.behind else _COAST_S
        reach = fade * (1.0 - math.exp(-dt / fade))
        x, y, w, h = self.detection.box
        vx, vy = self.velocity
        return (x + vx * reach, y + vy * reach, w, h)

    def see(self, detection: Detection, now: float) -> None:
        """Take a new detection of this person."""
        self.detection, self.seen_s = detection, now
        self.hits, self.missed, self.behind = self.hits + 1, 0, None
        self.height += _SIZE_GAIN * (detection.h - self.height)
        self.note(now)

    def note(self, now: float) -> None:
        """Add the newest detection to the path, and forget what is too old to tell a velocity."""
        d = self.detection
        self.height = self.height or d.h
        self.path.append((now, d.x + d.w / 2, d.y + d.h / 2))
        while len(self.path) > 2 and self.path[1][0] <= now - _SPAN_S:
            self.path.popleft()


class Tracker:
    """Joins detections of successive looks into tracks by position, size and motion.

    Unsure detections keep tracks alive and never begin one, as in Zhang et al. 2022, "ByteTrack",
    but are matched together with the sure ones, nearest first: after them, a sure stranger took
    the place of whoever was seen unsurely beside. A person gets an id when found in two of three
    looks, surely at the first and on average; what was found before is not written, and not made
    up for later. No appearance is stored, so a person who is away for longer than ``max_gap_s``
    comes back under a new id. Who goes behind a larger face is not away.
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
        taken = self._match(detections, now)
        self._begin([d for d in detections if id(d) not in taken], now)
        for track in self._tracks:
            if track.missed and track.face_id:
                self._hide(track, now)
            if not track.face_id and not track.missed and (at_once or track.hits >= 2):
                track.face_id, self._next_id = self._next_id, self._next_id + 1
        self._tracks = [t for t in self._tracks if t.face_id or t.looks < _CONFIRM_LOOKS]
        order = {id(d): i for i, d in enumerate(detections)}
        found = [t for t in self._tracks if t.face_id and not t.missed]
        return sorted(found, key=lambda t: order[id(t.detection)])

    def meet(self, detections: list[Detection], now: float) -> bool:
        """Take faces found between two looks, in a frame in which the known were not looked for.

        Whoever is missed is found again so, and newcomers begin to be known.

        Returns
        -------
        Whether there was one of either.
        """
        self._expire(now)
        taken = self._match([d for d in detections if d.score >= self._sure], now)
        begun = self._begin([d for d in detections if id(d) not in taken], now)
        return bool(taken) or begun

    def _hide(self, track: Track, now: float) -> None:
        """Note whether a larger face was just found where this one is expected."""
        box = track.predict(now)
        larger = [t for t in self._tracks if not t.missed and t.face_id and t.height > track.height]
        front = max(larger, key=lambda t: iou(t.detection.box, box), default=None)
        if front and iou(front.detection.box, box) > _BEHIND_IOU:
            track.behind, track.hidden_s = front, now

    def _begin(self, detections: list[Detection], now: float) -> bool:
        """Begin a track for each sure face that was not just found; tell whether any is."""
        before = len(self._tracks)
        for d in detections:
            if d.score < self._sure:
                continue
            if any(not t.missed and iou(t.detection.box, d.box) > _TWICE_IOU for t in self._tracks):
                continue
            track = Track(0, d, now)
            track.note(now)
            self._tracks.append(track)
        return len(self._tracks) > before

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
        self._tracks = [
            t
            for t in self._tracks
            if now - max(t.seen_s, min(t.hidden_s, t.seen_s + _BEHIND_S)) <= gap
        ]

    def _match(self, detections: list[Detection], now: float) -> set[int]:
        """Give detections to tracks, the likeliest pair first; return the `id` of those given."""
        pairs = []
        for i, track in enumerate(self._tracks):
            for j, d in enumerate(detections if track.missed else []):
                sure = d.score >= self._sure
                if sure or self._may_be_unsure(track, d.score, now):
                    cost = self._distance(track, d.box, now, 1.0 if sure else _UNSURE_REACH)
                    if cost is not None:
                        pairs.append((cost, i, j))
        pairs.sort()
        done: set[int] = set()
        taken: set[int] = set()
        for _, i, j in pairs:
            if i not in done and id(detections[j]) not in taken:
                done.add(i)
                taken.add(id(detections[j]))
                self._tracks[i].see(detections[j], now)
        return taken

    def _may_be_unsure(self, track: Track, score: float, now: float) -> bool:
        """Tell whether an unsure face of this score may be the track's."""
        if not track.face_id:  # what trembles about the limit is no newcomer
            return track.detection.score + score >= 2 * self._sure
        # Who was lost for longer is found again by a sure face only.
        return track.missed <= _UNSURE_LOOKS or now - track.seen_s <= _UNSURE_S

    def _distance(self, track: Track, b: Box, now: float, share: float) -> float | None:
        """Return how unlike two faces are, in face heights; None for another person.

        Whoever was lost behind somebody may have gone along or stayed.
        """
        places = [track.predict(now)] + ([track.alone(now)] if track.behind else [])
        costs = [self._apart(track, a, b, now - track.seen_s, share) for a in places]
        return min((c for c in costs if c is not None), default=None)

    def _apart(self, track: Track, a: Box, b: Box, dt: float, share: float) -> float | None:
        """Return how unlike a track expected at `a` is to a face at `b`, as `_distance`."""
        size, ratio = (track.height + b[3]) / 2, max(track.height / b[3], b[3] / track.height)
        dx = a[0] + a[2] / 2 - b[0] - b[2] / 2
        dy = a[1] + a[3] / 2 - b[1] - b[3] / 2
        far, overlap = math.hypot(dx, _VERTICAL * dy) / size, iou(a, b)
        reach = share * min(_REACH_MOST, _REACH + _REACH_PER_S * dt)
        there = far <= reach or overlap >= self.settings.min_iou
        alike = ratio <= _SIZE_RATIO + _SIZE_RATIO_PER_S * dt
        if not (there and alike) and (overlap < _SAME_PLACE_IOU or ratio > _SAME_PLACE_RATIO):
            return None
        return far + _SIZE_WEIGHT * math.log(ratio)
