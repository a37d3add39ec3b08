"""One integer per person, kept while the person is in view."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..arrays import Box
from ..settings.faces import TrackerSettings
from .detector import Detection, iou

# A person seldom moves faster than this many face widths between two looks; with a shorter
# step two boxes that do not overlap may still be one person.
_REACH_FACES = 0.9
# Weight of the newest displacement in the velocity estimate, and its decay while unseen.
_VELOCITY_GAIN = 0.4
_COAST_S = 0.3


@dataclass
class Track:
    """One person: where the face is, where it is going."""

    face_id: int
    """1, 2, 3 ... in order of appearance; never used again within a run."""
    detection: Detection
    """The newest detection, or the predicted one between two detections."""
    seen_s: float
    """Time of the newest detection in seconds."""
    velocity: tuple[float, float] = (0.0, 0.0)
    """Motion of the box centre in pixels a second."""

    def predict(self, now: float) -> Box:
        """Return the box expected at `now`: constant velocity that fades while unseen."""
        dt = max(0.0, now - self.seen_s)
        reach = _COAST_S * (1.0 - math.exp(-dt / _COAST_S))
        x, y, w, h = self.detection.box
        return (x + self.velocity[0] * reach, y + self.velocity[1] * reach, w, h)


class Tracker:
    """Joins detections of successive frames into tracks by overlap and motion.

    Pairs are matched greedily, the best overlap with the predicted box first; what is left is
    matched by distance where size agrees. No appearance is stored, so a person who leaves for
    longer than ``max_gap_s`` comes back under a new id.
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._tracks: list[Track] = []
        self._next_id = 1

    def reset(self) -> None:
        """Forget everybody; ids go on counting."""
        self._tracks = []

    @property
    def tracks(self) -> list[Track]:
        """All living tracks, seen in the newest frame or missed for a short while."""
        return list(self._tracks)

    def update(self, detections: list[Detection], now: float) -> list[Track]:
        """Take the detections of the frame at `now` seconds.

        Returns
        -------
        One track per detection, in the same order.
        """
        self._expire(now)
        predicted = [t.predict(now) for t in self._tracks]
        pairs = []
        for i, box in enumerate(predicted):
            for j, detection in enumerate(detections):
                likeness = self._likeness(box, detection.box)
                if likeness > 0.0:
                    pairs.append((likeness, i, j))
        pairs.sort(reverse=True)
        track_of: dict[int, Track] = {}
        used: set[int] = set()
        for _, i, j in pairs:
            if i not in used and j not in track_of:
                used.add(i)
                track_of[j] = self._tracks[i]
                self._move(self._tracks[i], detections[j], now)
        for j, detection in enumerate(detections):
            if j not in track_of:
                track_of[j] = Track(self._next_id, detection, now)
                self._tracks.append(track_of[j])
                self._next_id += 1
        return [track_of[j] for j in range(len(detections))]

    def coast(self, now: float) -> list[Track]:
        """Return where everybody is expected at `now`, for a frame that was not searched."""
        self._expire(now)
        out = []
        for track in self._tracks:
            x, y, w, h = track.predict(now)
            # Where the eyes are now is not known, so the crop is not turned.
            moved = replace(track.detection, x=x, y=y, w=w, h=h, eyes=None)
            out.append(Track(track.face_id, moved, track.seen_s, track.velocity))
        return out

    def _expire(self, now: float) -> None:
        gap = self.settings.max_gap_s
        self._tracks = [t for t in self._tracks if now - t.seen_s <= gap]

    def _likeness(self, a: Box, b: Box) -> float:
        """Overlap in 1–2 where it is enough; else nearness in 0–1; 0 for another person."""
        overlap = iou(a, b)
        if overlap >= self.settings.min_iou:
            return 1.0 + overlap
        size = (a[3] + b[3]) / 2
        if not 0.6 <= a[3] / b[3] <= 1 / 0.6:
            return 0.0
        dx = a[0] + a[2] / 2 - b[0] - b[2] / 2
        dy = a[1] + a[3] / 2 - b[1] - b[3] / 2
        return max(0.0, 1.0 - math.hypot(dx, dy) / (size * _REACH_FACES))

    @staticmethod
    def _move(track: Track, detection: Detection, now: float) -> None:
        dt = now - track.seen_s
        if dt > 0:
            old, new = track.detection, detection
            vx = (new.x + new.w / 2 - old.x - old.w / 2) / dt
            vy = (new.y + new.h / 2 - old.y - old.h / 2) / dt
            g = _VELOCITY_GAIN
            track.velocity = (
                (1 - g) * track.velocity[0] + g * vx,
                (1 - g) * track.velocity[1] + g * vy,
            )
        track.detection, track.seen_s = detection, now
