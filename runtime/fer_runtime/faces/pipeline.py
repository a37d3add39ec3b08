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
from ..labels import UNCERTAIN
from ..model.classifier import Classifier
from ..reading import FaceReading
from ..settings.faces import DetectorSettings
from ..settings.schema import Settings
from .detector import Detection, Detector, ResNetSSDDetector, YuNetDetector, iou
from .scan import Scan
from .smoothing import Smoother, choose_label, shown_probability
from .tracker import Track, Tracker

__all__ = ["EmotionPipeline", "FaceReading", "make_detector"]

# A face that a part of the frame shows over a known one is that one.
_SAME_IOU = 0.3

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
        self.tracker = Tracker(settings.tracker, sure=_sure(settings.detector))
        self.smoother = Smoother(settings.smoothing)
        self.stage_ms: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        """Milliseconds that each stage of the newest frame took."""
        self.idle = False
        """Whether nobody has been seen for ``detector.idle_after_s``."""
        self._stopwatch = stopwatch
        self._frame = -1
        self._face_s = self._search_s = -math.inf
        self._since_search = 0
        self._scan = Scan()

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
        self._scan.reset()
        self._face_s = self._search_s = -math.inf
        self._since_search = 0

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
            sure = _sure(self.settings.detector)
            found = [d for d in self.detector.detect(frame) if d.score >= sure]
            tracks = [Track(i + 1, d, 0.0) for i, d in enumerate(found)]
            number, time_s = 0, 0.0
            detected = tracked = self._stopwatch()
        else:
            if independent:
                self.reset()
            self._frame += 1
            number, time_s = self._frame, now
            search = self._search_now(now)
            found = self._search(frame, now) if search else []
            detected = self._stopwatch()
            if search:
                tracks = self.tracker.update(found, now, at_once=independent or self._hides)
            else:
                tracks = self.tracker.coast(now)
            # Somebody new wakes an idle search at once, not when confirmed.
            if any(not t.missed for t in self.tracker.tracks):
                self._face_s = now
            self.smoother.keep_only({t.face_id for t in self.tracker.tracks})
            tracked = self._stopwatch()
        crops = self._crops(frame, [t.detection for t in tracks])
        cropped = self._stopwatch()
        raw = self.classifier.probabilities(crops)  # (N, 7)
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
        """Look around the known faces, and through a part of the frame where that is due."""
        s = self.settings.detector
        net = self.detector
        if not s.near or self._hides or not isinstance(net, YuNetDetector):
            return net.detect(frame)
        known = self.tracker.tracks
        found: list[Detection] = []
        lost = not known
        if known:
            near = net.detect_near(frame, [t.predict(now) for t in known])
            found = [d for d in near if d is not None]
            # A face just lost may be elsewhere; one missed before is left to the scan.
            lost = any(d is None and not t.missed for d, t in zip(near, known, strict=True))
        parts = net.parts(frame)
        part = self._scan.next(len(parts), now, s.scan_rate, at_once=lost)
        if part is not None:
            new = net.detect_part(frame, parts[part])
            found += [d for d in new if all(iou(d.box, f.box) < _SAME_IOU for f in found)]
        return sorted(found, key=lambda d: d.w * d.h, reverse=True)[: s.max_faces]

    @property
    def _hides(self) -> bool:
        """Whether faces are hidden in the window: then nobody may be missed in any frame."""
        return self.settings.privacy.blur_faces and self.settings.window.show

    def _search_now(self, now: float) -> bool:
        """Tell whether the detector runs on the frame at `now`; keep the idle state."""
        s = self.settings.detector
        if self._face_s == -math.inf:
            self._face_s = now  # the idle time counts from the start
        self.idle = bool(s.idle_after_s) and now - self._face_s >= s.idle_after_s
        self._since_search += 1
        if self._hides:
            due = True
        elif self.idle:
            # A little early rather than a frame late, so that waking keeps its bound.
            due = now - self._search_s >= 1.0 / s.idle_fps - 0.005
        else:
            # A newcomer is looked for again at once, to be confirmed.
            known = self.tracker.tracks
            due = self._since_search >= s.every or not all(t.face_id for t in known) or not known
        if due:
            self._since_search, self._search_s = 0, now
        return due

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
            score=min(settings.ssd_score, settings.weak_score),
            **limits,
        )
    weights = asset_path("yunet")
    score = min(settings.score, settings.weak_score)
    return YuNetDetector(weights, smallest_face=settings.smallest_face, score=score, **limits)


def _sure(settings: DetectorSettings) -> float:
    """Return the score from which a detection begins a track."""
    return settings.ssd_score if settings.kind == "resnet-ssd" else settings.score


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
