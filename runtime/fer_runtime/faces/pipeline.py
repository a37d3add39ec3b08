"""A frame in, readings out: detect, track, crop, classify, smooth.

No threads, no clocks, no input or output: the daemon owns those.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from ..arrays import Image
from ..labels import UNCERTAIN
from ..model.classifier import Classifier
from ..reading import FaceReading
from ..settings.schema import Settings
from .claim import choose_label, shown_probability
from .detector import Detection, Detector
from .memory import read_faces
from .search import Search, make_detector, sure_score
from .smoothing import Smoother
from .steady import Steady
from .tracker import Track, Tracker

STAGES = ("detect", "track", "crop", "classify", "smooth")


class EmotionPipeline:
    """Everything between a frame and its readings.

    Parameters
    ----------
    settings
        The runtime's settings; None for the defaults.
    detector, classifier
        Ready-made parts to use instead of those that the settings name.
    stopwatch
        Seconds counter behind `stage_ms`; replaced in tests.

    Raises
    ------
    ModelError, AssetError
        If the model or the detector's weights cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        detector: Detector | None = None,
        classifier: Classifier | None = None,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.settings = settings = settings or Settings()
        # One thread: more do not help YuNet, and the kiosk has other work.
        cv2.setNumThreads(1)
        names = settings.classifier.labels
        self.classifier = classifier or Classifier(
            settings.classifier.model,
            threads=settings.classifier.threads,
            interpreter=settings.classifier.interpreter,
            labels=tuple(names.split(",")) if names else None,
            prior=settings.classifier.prior,
        )
        self.detector = detector or make_detector(settings.detector)
        self.tracker = Tracker(settings.tracker, sure=sure_score(settings.detector))
        # A step model has waited already.
        filter_class = Steady if self.classifier.state_size else Smoother
        self.smoother = filter_class(settings.smoothing)
        self.stage_ms: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        """Milliseconds that each stage of the newest frame took."""
        self.idle = False
        """Whether nobody has been seen for ``detector.idle_after_s``."""
        self._stopwatch = stopwatch
        self._frame = -1
        self._face_s = self._search_s = self._frame_s = -math.inf
        self._gap_s = math.inf  # between the last two frames
        self._newest: dict[int, FaceReading] = {}
        self._size = (0, 0)
        self._search = Search(self.detector)

    def configure(self, settings: Settings) -> None:
        """Take over the settings that can change while running (those marked `reload`)."""
        self.settings = settings
        self.tracker.settings = settings.tracker
        self.smoother.settings = settings.smoothing

    def reset(self) -> None:
        """Forget all people, as after a break in the picture; ids go on counting."""
        self.tracker.reset()
        self.smoother.reset()
        self.idle = False
        self._search.reset()
        self._face_s = self._search_s = self._frame_s = -math.inf
        self._newest.clear()

    def analyze(
        self, frame: Image, now: float | None = None, *, independent: bool = False
    ) -> list[FaceReading]:
        """Read all faces of a frame.

        Parameters
        ----------
        frame
            (H, W, 3) uint8 BGR; (H, W) grey is taken too.
        now
            The frame's time in seconds, on a clock that does not step back. None analyses a
            picture on its own: nothing is remembered, and ids count from 1.
        independent
            Whether the frame has nothing to do with those before: everybody in it is new and
            read at once. Otherwise a newcomer is read from the second look on.

        Returns
        -------
        One reading per face, the largest first.

        Raises
        ------
        ValueError
            If the frame has another shape or dtype.
        """
        frame = _checked(frame)
        started = self._stopwatch()
        if now is None:
            sure = sure_score(self.settings.detector)
            found = [d for d in self.detector.detect(frame) if d.score >= sure]
            tracks = [Track(i + 1, d, 0.0) for i, d in enumerate(found)]
            number, time_s = 0, 0.0
            detected = tracked = self._stopwatch()
        else:
            if independent:
                self.reset()
            look = self._look_now(now)
            self._size = (frame.shape[1], frame.shape[0])
            known, s = self.tracker.tracks, self.settings.detector
            # Known faces can wait for the next frame where that comes before they are due again.
            soon = self._gap_s + 0.005 < 1.0 / s.look_rate
            new = None
            if not look or (soon and not self._again and not self._hides):
                new = self._search.newcomers(frame, known, now, s, instead=look)
            if new is not None or not look:
                if self.tracker.meet(new or [], now):
                    self._search_s = -math.inf  # the next frame is looked at, to be sure of them
                return self._coast(now, started)
            if self._hides:
                found = self.detector.detect(frame)
            else:
                found = self._search.everybody(frame, known, now, s, rouse=not soon)
            self._frame, self._search_s = self._frame + 1, now
            number, time_s = self._frame, now
            detected = self._stopwatch()
            tracks = self.tracker.update(found, now, at_once=independent or self._hides)
            # Somebody new wakes an idle search at once, not when confirmed.
            if any(not t.missed for t in self.tracker.tracks):
                self._face_s = now
            self.smoother.keep_only({t.face_id for t in self.tracker.tracks})
            tracked = self._stopwatch()
        crops = self._crops(frame, [t.detection for t in tracks])
        cropped = self._stopwatch()
        memory_s = None if independent else now
        raw = read_faces(self.classifier, tracks, crops, memory_s)  # (N, 7)
        classified = self._stopwatch()
        readings = [
            self._reading(frame, track, row, number, time_s, alone=now is None)
            for track, row in zip(tracks, raw, strict=True)
        ]
        self._newest = {r.face_id: r for r in readings}
        ended = self._stopwatch()
        marks = (started, detected, tracked, cropped, classified, ended)
        for stage, a, b in zip(STAGES, marks[:-1], marks[1:], strict=True):
            self.stage_ms[stage] = (b - a) * 1000.0
        return readings

    def follow(self, now: float) -> list[FaceReading] | None:
        """Return the readings of the frame at `now` where it need not be looked at.

        Known faces are then where their motion takes them, and read as they were last. Saves the
        frame's decoding.

        Returns
        -------
        The readings as from `analyze`; None where the frame is needed, and nothing has changed.
        """
        known, s = self.tracker.tracks, self.settings.detector
        if self._look_now(now) or self._search.due(known, now, s):
            return None
        return self._coast(now, self._stopwatch())

    def _coast(self, now: float, started: float) -> list[FaceReading]:
        """Read a frame from the last one that was looked at."""
        self._frame += 1
        width, height = self._size
        readings = [
            replace(
                self._newest[track.face_id],
                frame=self._frame,
                time_s=now,
                box=_clip(track.detection, width, height),
            )
            for track in self.tracker.coast(now)
            if track.face_id in self._newest
        ]
        self.stage_ms = dict.fromkeys(STAGES, 0.0)
        self.stage_ms["detect"] = (self._stopwatch() - started) * 1000.0
        return readings

    @property
    def _hides(self) -> bool:
        """Whether faces are hidden in the window: then nobody may be missed in any frame."""
        return self.settings.privacy.blur_faces and self.settings.window.show

    def _look_now(self, now: float) -> bool:
        """Tell whether known faces are looked for in the frame at `now`; keep the idle state."""
        s = self.settings.detector
        if now > self._frame_s:
            self._gap_s, self._frame_s = now - self._frame_s, now
        if self._face_s == -math.inf:
            self._face_s = now  # the idle time counts from the start
        self.idle = bool(s.idle_after_s) and now - self._face_s >= s.idle_after_s
        # A little early rather than a frame late, so that waking keeps its bound.
        since = now - self._search_s + 0.005
        if self._hides:
            return True
        if self.idle:
            return since >= 1.0 / s.idle_fps
        return since >= 1.0 / s.look_rate or self._again or not self.tracker.tracks

    @property
    def _again(self) -> bool:
        """Whether somebody is looked for again at once.

        A newcomer, to be confirmed, and who was just missed: most are there in the next frame.
        """
        return any(not t.face_id or t.missed == 1 for t in self.tracker.tracks)

    def _crops(self, frame: Image, faces: list[Detection]) -> Image:
        """Cut every face: (N, ...) uint8."""
        crops = [self.classifier.crop(frame, face.box) for face in faces]
        if not crops:
            return np.zeros((0, *self.classifier.crop_shape), np.uint8)
        return np.stack(crops)

    def _reading(
        self,
        frame: Image,
        track: Track,
        raw: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
        number: int,
        time_s: float,
        *,
        alone: bool,
    ) -> FaceReading:
        """Turn one face's probabilities into its reading."""
        face = track.detection
        if alone:
            smoothed = raw
            label = choose_label(raw, self.settings.smoothing)
            confidence = shown_probability(raw, label)
        else:
            label, confidence, smoothed = self.smoother.update(track.face_id, raw, time_s)
        if face.h < self.settings.classifier.min_face:
            label, confidence = UNCERTAIN, shown_probability(smoothed, UNCERTAIN)
        return FaceReading(
            frame=number,
            time_s=time_s,
            face_id=track.face_id,
            box=_clip(face, frame.shape[1], frame.shape[0]),
            detection_score=face.score,
            emotion=label,
            confidence=confidence,
            probabilities=tuple(raw.tolist()),
            smoothed=tuple(smoothed.tolist()),
            model=self.classifier.name,
        )


def _checked(frame: Image) -> Image:
    good = isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.size > 0
    if good and frame.ndim == 3 and frame.shape[2] == 3:
        return frame
    if good and frame.ndim == 2:
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)
    received = f"{getattr(frame, 'dtype', type(frame).__name__)} {getattr(frame, 'shape', '')}"
    raise ValueError(f"frame: expected (H, W, 3) uint8 BGR, received {received.strip()}")


def _clip(face: Detection, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the face box in whole pixels inside the frame."""
    x0, y0 = max(0, round(face.x)), max(0, round(face.y))
    x1, y1 = min(width, round(face.x + face.w)), min(height, round(face.y + face.h))
    return (min(x0, width), min(y0, height), max(0, x1 - x0), max(0, y1 - y0))
