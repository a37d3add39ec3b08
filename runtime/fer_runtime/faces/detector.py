"""Face detection with OpenCV DNN: YuNet (default) and the classic ResNet-SSD."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Box, Image
from ..errors import AssetError
from ..model.crop import crop_face
from .scan import Part, parts, whole


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

    def scaled(self, factor: float) -> Detection:
        """Return the same face in a picture `factor` times as large."""
        eyes = self.eyes
        if eyes is not None:
            eyes = (eyes[0] * factor, eyes[1] * factor, eyes[2] * factor, eyes[3] * factor)
        x, y, w, h = (v * factor for v in self.box)
        return replace(self, x=x, y=y, w=w, h=h, eyes=eyes)


class Detector(Protocol):
    """What the pipeline asks of a detector."""

    def detect(self, frame: Image) -> list[Detection]:
        """Find faces in a (H, W, 3) uint8 BGR frame, largest first."""
        ...


# Around a face a square of this many face heights is searched, and so many more for each second
# since it was seen, up to a limit. It is scaled to _NEAR_PX pixels: the larger the face in it, the
# surer is YuNet.
_NEAR_FACES, _NEAR_FACES_PER_S, _NEAR_FACES_MOST = 1.6, 2.0, 2.6
_NEAR_PX = 128
_NEAR_IOU = 0.3


class YuNetDetector:
    """YuNet (Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector").

    Parameters
    ----------
    weights
        Path of ``face_detection_yunet_2023mar.onnx``.
    smallest_face
        Height in pixels of the smallest face that matters, which tells the scale of the search.
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
        smallest_face: int = 32,
        score: float = 0.6,
        min_face: int = 20,
        max_faces: int = 10,
    ) -> None:
        self._smallest, self._min_face, self._max_faces = smallest_face, min_face, max_faces
        self._size = self._tiles = (0, 0)
        try:
            self._net, self._near = (
                cv2.FaceDetectorYN.create(
                    str(weights),
                    "",
                    (_NEAR_PX, _NEAR_PX),
                    score_threshold=score,
                    nms_threshold=0.3,
                )
                for _ in range(2)
            )
        except cv2.error as error:
            raise _bad_weights(weights, error) from None

    def detect(self, frame: Image) -> list[Detection]:
        """Find faces; see `Detector.detect`."""
        part = whole(frame.shape[1], frame.shape[0], self._smallest)
        return _largest(self._look(frame, part), self._min_face, self._max_faces)

    def parts(self, frame: Image) -> list[Part]:
        """Return the parts in which a frame is searched, the coarse one first."""
        return parts(frame.shape[1], frame.shape[0], self._smallest)

    def detect_part(self, frame: Image, part: Part) -> list[Detection]:
        """Find the faces in a part of the frame; those that its border cuts are left out."""
        h, w = frame.shape[:2]
        found = []
        for d in self._look(frame, part):
            inside = (
                (d.x > part.x + 1 or part.x == 0)
                and (d.y > part.y + 1 or part.y == 0)
                and (d.x + d.w < part.x + part.w - 1 or part.x + part.w >= w)
                and (d.y + d.h < part.y + part.h - 1 or part.y + part.h >= h)
            )
            if inside:
                found.append(d)
        return _largest(found, self._min_face, self._max_faces)

    def _look(self, frame: Image, part: Part) -> list[Detection]:
        """Search one rectangle of the frame."""
        area = frame[part.y : part.y + part.h, part.x : part.x + part.w]
        size = part.size
        if size != self._size:
            self._net.setInputSize(size)
            self._size = size
        if size != (part.w, part.h):
            area = np.asarray(cv2.resize(area, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        found = _detections(self._net, area, part.w / size[0], part.h / size[1])
        return [d.moved(part.x, part.y) for d in found]

    def detect_near(
        self, frame: Image, boxes: list[Box], unseen_s: list[float]
    ) -> list[Detection | None]:
        """Find again the faces that are expected at `boxes`, looking only around them.

        All surroundings lie as tiles of one picture, which costs a fifth less than one search
        each.

        Parameters
        ----------
        frame
            (H, W, 3) uint8 BGR.
        boxes
            Expected face boxes x, y, w, h in pixels; at least one.
        unseen_s
            Seconds since each face was seen: the longer, the wider is the search.

        Returns
        -------
        One detection per box, None where the face is not found again or is another box's already.
        """
        columns = math.ceil(math.sqrt(len(boxes)))
        rows = math.ceil(len(boxes) / columns)
        faces = [min(_NEAR_FACES + _NEAR_FACES_PER_S * s, _NEAR_FACES_MOST) for s in unseen_s]
        tiles = np.zeros((rows * _NEAR_PX, columns * _NEAR_PX, 3), np.uint8)
        for n, box in enumerate(boxes):
            top, left = (_NEAR_PX * k for k in divmod(n, columns))
            tiles[top : top + _NEAR_PX, left : left + _NEAR_PX] = crop_face(
                frame, box, scale=faces[n], size=(_NEAR_PX, _NEAR_PX), color="bgr", smooth=False
            )
        if (columns, rows) != self._tiles:
            self._near.setInputSize((columns * _NEAR_PX, rows * _NEAR_PX))
            self._tiles = (columns, rows)
        there: list[list[Detection]] = [[] for _ in boxes]
        for d in _detections(self._near, tiles, 1.0, 1.0):
            column, row = int((d.x + d.w / 2) // _NEAR_PX), int((d.y + d.h / 2) // _NEAR_PX)
            n = row * columns + column
            if 0 <= column < columns and 0 <= n < len(boxes):
                box = boxes[n]
                side = max(1, round(box[3] * faces[n]))
                x0 = round(box[0] + box[2] / 2 - side / 2)
                y0 = round(box[1] + box[3] / 2 - side / 2)
                local = d.moved(-column * _NEAR_PX, -row * _NEAR_PX)
                there[n].append(local.scaled(side / _NEAR_PX).moved(x0, y0))
        found: list[Detection | None] = []
        for box, near in zip(boxes, there, strict=True):
            best = max(near, key=lambda d, box=box: iou(d.box, box), default=None)  # type: ignore[misc]
            if best is not None and (
                iou(best.box, box) < _NEAR_IOU
                or best.h < self._min_face
                or any(other and iou(best.box, other.box) > 0.5 for other in found)
            ):
                best = None
            found.append(best)
        return found


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
