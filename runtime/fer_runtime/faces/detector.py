"""Face detection with OpenCV DNN: YuNet (default) and the classic ResNet-SSD."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Box, Image
from ..errors import AssetError
from ..model.crop import crop_face


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
    def box(self) -> Box:
        """x, y, w, h."""
        return (self.x, self.y, self.w, self.h)

    def moved(self, dx: float, dy: float) -> Detection:
        """Return the same face `dx` pixels further right and `dy` further down."""
        eyes = self.eyes
        if eyes is not None:
            eyes = (eyes[0] + dx, eyes[1] + dy, eyes[2] + dx, eyes[3] + dy)
        return replace(self, x=self.x + dx, y=self.y + dy, eyes=eyes)


class Detector(Protocol):
    """What the pipeline asks of a detector."""

    def detect(self, frame: Image) -> list[Detection]:
        """Find faces in a (H, W, 3) uint8 BGR frame, largest first."""
        ...


# Around a face that was there a moment ago a square of this many face heights is searched, scaled
# to this many pixels: the face then has the size at which YuNet is surest.
_NEAR_FACES = 2.4
_NEAR_PX = 128
_NEAR_IOU = 0.3


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
            self._net, self._near = (
                cv2.FaceDetectorYN.create(
                    str(weights), "", (side, side), score_threshold=score, nms_threshold=0.3
                )
                for side in (width, _NEAR_PX)
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
        found = _detections(self._net, frame, w / size[0], h / size[1])
        return _largest(found, self._min_face, self._max_faces)

    def detect_near(self, frame: Image, boxes: list[Box]) -> list[Detection] | None:
        """Find again the faces that are expected at `boxes`, looking only around them.

        Parameters
        ----------
        frame
            (H, W, 3) uint8 BGR.
        boxes
            Expected face boxes x, y, w, h in pixels.

        Returns
        -------
        One detection per box, largest first; None where one of them is not found again, or two
        boxes lead to one face: then the whole frame must be searched.
        """
        found: list[Detection] = []
        for box in boxes:
            region = crop_face(
                frame, box, scale=_NEAR_FACES, size=(_NEAR_PX, _NEAR_PX), color="bgr"
            )
            side = max(1, round(box[3] * _NEAR_FACES))
            x0 = round(box[0] + box[2] / 2 - side / 2)
            y0 = round(box[1] + box[3] / 2 - side / 2)
            factor = side / _NEAR_PX
            there = [d.moved(x0, y0) for d in _detections(self._near, region, factor, factor)]
            best = max(there, key=lambda d: iou(d.box, box), default=None)
            if best is None or iou(best.box, box) < _NEAR_IOU:
                return None
            if any(iou(best.box, other.box) > 0.5 for other in found):
                return None
            found.append(best)
        return _largest(found, self._min_face, self._max_faces)


def _detections(
    net: cv2.FaceDetectorYN, frame: Image, factor_x: float, factor_y: float
) -> list[Detection]:
    """Run YuNet and scale what it finds."""
    answer: object = net.detect(frame)[1]  # None where there is no face
    if answer is None:
        return []
    # One row: x, y, w, h, five landmarks x, y (right eye of the person first), score.
    rows = np.array(answer, np.float64)
    rows[:, [0, 2, 4, 6]] = rows[:, [0, 2, 4, 6]] * factor_x
    rows[:, [1, 3, 5, 7]] = rows[:, [1, 3, 5, 7]] * factor_y
    return [
        Detection(r[0], r[1], r[2], r[3], min(1.0, float(r[14])), tuple(r[4:8]))
        for r in rows.tolist()
    ]


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes x, y, w, h, in 0–1."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    both = w * h
    return both / (a[2] * a[3] + b[2] * b[3] - both)


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
