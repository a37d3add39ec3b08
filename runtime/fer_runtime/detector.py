"""Face detection with OpenCV DNN: YuNet (default) and the classic ResNet-SSD."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import AssetError
from .preprocess import Image


@dataclass(frozen=True)
class Detection:
    """One face in one frame."""

    x: float
    """Left edge of the face box in pixels of the frame; may be negative."""
    y: float
    """Top edge in pixels; may be negative."""
    w: float
    """Width in pixels."""
    h: float
    """Height in pixels."""
    score: float
    """The detector's confidence, 0–1."""
    eyes: tuple[float, float, float, float] | None = None
    """x, y of the picture's left eye, then of its right eye; None where not found."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, w, h."""
        return (self.x, self.y, self.w, self.h)


class Detector(Protocol):
    """What the pipeline asks of a detector."""

    def detect(self, frame: Image) -> list[Detection]:
        """Find faces in a (H, W, 3) uint8 BGR frame, largest first."""
        ...


class YuNetDetector:
    """YuNet (Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector").

    Parameters
    ----------
    weights
        Path of ``face_detection_yunet_2023mar.onnx``.
    width
        The frame is scaled to this width in pixels before detection, 64–1920; a smaller frame
        is taken as it is. 320 finds faces of about a tenth of the frame's width and more.
    score
        Detections below this confidence are dropped, 0–1.
    min_face
        Faces lower than this many pixels of the frame are dropped.
    max_faces
        At most this many faces are returned.
    """

    def __init__(
        self,
        weights: str | Path,
        *,
        width: int = 320,
        score: float = 0.6,
        min_face: int = 20,
        max_faces: int = 10,
    ) -> None:
        self._width, self._min_face, self._max_faces = width, min_face, max_faces
        self._size = (0, 0)
        self._scaled: Image | None = None
        try:
            self._net = cv2.FaceDetectorYN.create(
                str(weights), "", (width, width), score_threshold=score, nms_threshold=0.3
            )
        except cv2.error as error:
            raise _bad_weights(weights, error) from None

    def detect(self, frame: Image) -> list[Detection]:
        """Find faces; see `Detector.detect`."""
        h, w = frame.shape[:2]
        factor = min(1.0, self._width / w)
        size = (max(1, round(w * factor)), max(1, round(h * factor)))
        if size != self._size:
            self._net.setInputSize(size)
            self._size, self._scaled = size, None
        if factor < 1.0:
            # One buffer for all frames.
            if self._scaled is None:
                self._scaled = np.empty((size[1], size[0], 3), np.uint8)
            cv2.resize(frame, size, dst=self._scaled, interpolation=cv2.INTER_LINEAR)
            frame = self._scaled
        answer: object = self._net.detect(frame)[1]  # None where there is no face
        if answer is None:
            return []
        # One row: x, y, w, h, five landmarks x, y (right eye of the person first), score.
        rows = np.array(answer, np.float64)
        rows[:, [0, 2, 4, 6]] = rows[:, [0, 2, 4, 6]] * (w / size[0])
        rows[:, [1, 3, 5, 7]] = rows[:, [1, 3, 5, 7]] * (h / size[1])
        found = [
            Detection(r[0], r[1], r[2], r[3], min(1.0, float(r[14])), tuple(r[4:8]))
            for r in rows.tolist()
        ]
        return _largest(found, self._min_face, self._max_faces)


class ResNetSSDDetector:
    """The seed document's detector: OpenCV's ResNet-10 SSD in Caffe format.

    Parameters
    ----------
    weights, prototxt
        Paths of ``res10_300x300_ssd_iter_140000.caffemodel`` and its ``deploy.prototxt``.
    size
        Side of the square input in pixels: 300 as trained, 224 as in the seed document.
    score
        Detections below this confidence are dropped; 0.4 in the seed document.
    min_face, max_faces
        As in `YuNetDetector`.
    """

    MEAN = (104.0, 177.0, 123.0)

    def __init__(
        self,
        weights: str | Path,
        prototxt: str | Path,
        *,
        size: int = 300,
        score: float = 0.4,
        min_face: int = 20,
        max_faces: int = 10,
    ) -> None:
        self._size, self._score = size, score
        self._min_face, self._max_faces = min_face, max_faces
        if not hasattr(cv2.dnn, "readNetFromCaffe"):
            raise AssetError(
                f"detector resnet-ssd: OpenCV {cv2.__version__} no longer reads Caffe models",
                "run: pip install 'opencv-python<5', or use the detector yunet",
            )
        try:
            self._net = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))
        except cv2.error as error:
            raise _bad_weights(weights, error) from None

    def detect(self, frame: Image) -> list[Detection]:
        """Find faces; see `Detector.detect`."""
        h, w = frame.shape[:2]
        self._net.setInput(cv2.dnn.blobFromImage(frame, 1.0, (self._size, self._size), self.MEAN))
        rows: NDArray[np.float32] = np.asarray(self._net.forward(), np.float32)[0, 0]  # (N, 7)
        found = []
        for row in rows[rows[:, 2] >= self._score]:
            left, top, right, bottom = (row[3:7] * (w, h, w, h)).tolist()
            if right > left and bottom > top:
                found.append(Detection(left, top, right - left, bottom - top, float(row[2])))
        return _largest(found, self._min_face, self._max_faces)


def _largest(found: list[Detection], min_face: int, max_faces: int) -> list[Detection]:
    big = [d for d in found if d.h >= min_face and d.w > 0]
    return sorted(big, key=lambda d: d.w * d.h, reverse=True)[:max_faces]


def _bad_weights(weights: str | Path, error: cv2.error) -> AssetError:
    return AssetError(
        f"detector weights {weights}: OpenCV cannot read them ({error.err or error})",
        "run: fer-runtime --fetch-assets",
    )
