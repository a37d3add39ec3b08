"""A frame in, readings out: detect, track, crop, classify, smooth.

No threads, no clocks, no input or output: the daemon owns those.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import cv2
import numpy as np

from ..arrays import Image
from ..assets import asset_path
from ..errors import AssetError
from ..labels import EMOTIONS, UNCERTAIN
from ..model.classifier import Classifier
from ..reading import FaceReading
from ..settings.faces import DetectorSettings
from ..settings.schema import Settings
from .detector import Detection, Detector, ResNetSSDDetector, YuNetDetector
from .smoothing import Smoother, choose_label, shown_probability
from .tracker import Track, Tracker

__all__ = ["EmotionPipeline", "FaceReading", "make_detector"]

_MOST_NEAR = 3

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
        self.tracker = Tracker(settings.tracker)
        self.smoother = Smoother(settings.smoothing)
        self.stage_ms: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        """Milliseconds that each stage of the newest frame took."""
        self.idle = False
        """Whether nobody has been seen for ``detector.idle_after_s``."""
        self._stopwatch = stopwatch
        self._frame = -1
        self._face_s = self._search_s = self._scan_s = -math.inf
        self._since_search = 0

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
        self._face_s = self._search_s = self._scan_s = -math.inf
        self._since_search = 0

    def analyze(self, frame: Image, now: float | None = None) -> list[FaceReading]:
        """Read all faces of a frame.

        Parameters
        ----------
        frame
            (H, W, 3) uint8 BGR; (H, W) grey is taken too.
        now
            The frame's time in seconds, on a clock that does not step back. None analyses a
            picture on its own: nothing is remembered, and ids count from 1.

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
            found = self.detector.detect(frame)
            tracks = [Track(i + 1, d, 0.0) for i, d in enumerate(found)]
            number, time_s = 0, 0.0
            detected = tracked = self._stopwatch()
        else:
            self._frame += 1
            number, time_s = self._frame, now
            search = self._search_now(now)
            found = self._search(frame, now) if search else []
            detected = self._stopwatch()
            tracks = self.tracker.update(found, now) if search else self.tracker.coast(now)
            if tracks:
                self._face_s = now
            self.smoother.keep_only({t.face_id for t in self.tracker.tracks})
            tracked = self._stopwatch()
        crops, views = self._crops(frame, [t.detection for t in tracks])
        cropped = self._stopwatch()
        raw = self.classifier.probabilities(crops)  # (N * views, 7)
        # Averaged probabilities of the views of one face still sum to 1.
        raw = raw.reshape(len(tracks), views, len(EMOTIONS)).mean(axis=1)
        classified = self._stopwatch()
        readings = [
            self._reading(frame, track, row, number, time_s, alone=now is None)
            for track, row in zip(tracks, raw, strict=True)
        ]
        ended = self._stopwatch()
        marks = (started, detected, tracked, cropped, classified, ended)
        for stage, a, b in zip(STAGES, marks[:-1], marks[1:], strict=True):
            self.stage_ms[stage] = (b - a) * 1000.0
        return readings

    def _search(self, frame: Image, now: float) -> list[Detection]:
        """Look around the known faces, or through the whole frame where that is due."""
        s = self.settings.detector
        near = getattr(self.detector, "detect_near", None)
        known = self.tracker.tracks
        # A few small searches cost less than a whole one; many do not.
        if near and s.near and 0 < len(known) <= _MOST_NEAR and now - self._scan_s < s.scan_s:
            found: list[Detection] | None = near(frame, [t.predict(now) for t in known])
            if found is not None:
                return found
        self._scan_s = now
        return self.detector.detect(frame)

    def _search_now(self, now: float) -> bool:
        """Tell whether the detector runs on the frame at `now`; keep the idle state."""
        s = self.settings.detector
        if self._face_s == -math.inf:
            self._face_s = now  # the idle time counts from the start
        self.idle = bool(s.idle_after_s) and now - self._face_s >= s.idle_after_s
        self._since_search += 1
        if self.idle:
            # A little early rather than a frame late, so that waking keeps its bound.
            due = now - self._search_s >= 1.0 / s.idle_fps - 0.005
        else:
            due = self._since_search >= s.every or not self.tracker.tracks
        if due:
            self._since_search, self._search_s = 0, now
        return due

    def _crops(self, frame: Image, faces: list[Detection]) -> tuple[Image, int]:
        """Cut every view of every face: (N * views, ...) uint8, and the number of views."""
        s = self.settings.classifier
        base = self.classifier.metadata.crop_scale
        out = []
        for face in faces:
            angle = _eye_angle(face) if s.align else 0.0
            for scale in s.crop_scales:
                crop = self.classifier.crop(frame, face.box, scale=base * scale, angle=angle)
                out.append(crop)
                if s.mirror:
                    out.append(np.ascontiguousarray(crop[:, ::-1]))
        views = len(s.crop_scales) * (2 if s.mirror else 1)
        if not out:
            return np.zeros((0, *self.classifier.crop_shape), np.uint8), views
        return np.stack(out), views

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


def make_detector(settings: DetectorSettings) -> Detector:
    """Build the detector that the settings name.

    Raises AssetError where its weights are missing or unreadable.
    """
    limits = {"min_face": settings.min_face, "max_faces": settings.max_faces}
    if settings.kind == "resnet-ssd":
        if not (settings.ssd_weights and settings.ssd_prototxt):
            raise AssetError(
                "detector resnet-ssd: expected its two files, received none",
                "set detector.ssd_weights and detector.ssd_prototxt",
            )
        return ResNetSSDDetector(
            settings.ssd_weights,
            settings.ssd_prototxt,
            size=settings.ssd_size,
            score=settings.ssd_score,
            **limits,
        )
    weights = asset_path("yunet")
    return YuNetDetector(weights, width=settings.width, score=settings.score, **limits)


def _checked(frame: Image) -> Image:
    good = isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.size > 0
    if good and frame.ndim == 3 and frame.shape[2] == 3:
        return frame
    if good and frame.ndim == 2:
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)
    received = f"{getattr(frame, 'dtype', type(frame).__name__)} {getattr(frame, 'shape', '')}"
    raise ValueError(f"frame: expected (H, W, 3) uint8 BGR, received {received.strip()}")


def _eye_angle(face: Detection) -> float:
    """Return the slope of the line through the eyes in degrees, 0 where it is not known."""
    if face.eyes is None:
        return 0.0
    x0, y0, x1, y1 = face.eyes
    angle = math.degrees(math.atan2(y1 - y0, x1 - x0))
    # A larger angle is a profile or a wrong landmark, which turning would make worse.
    return angle if abs(angle) <= 45.0 else 0.0


def _clip(face: Detection, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the face box in whole pixels inside the frame."""
    x0, y0 = max(0, round(face.x)), max(0, round(face.y))
    x1, y1 = min(width, round(face.x + face.w)), min(height, round(face.y + face.h))
    return (min(x0, width), min(y0, height), max(0, x1 - x0), max(0, y1 - y0))
