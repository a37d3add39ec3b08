"""Operations that the service needs a second, counted, and what boards of others make of that.

    python benchmarks/operations.py

Counted are multiply-adds of YuNet's convolutions at the sizes that the search really asks for, of
the classifier, and operations of the JPEG decoder, on the demo scene with one person at 15 frames
a second of 640×480. Boards are not measured: their rates are what others published for networks
of the same kinds on one core, see `BOARDS`. An estimate, and no measurement.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from camera import FPS, draw
from fer_converter.graph import read_graph
from fer_converter.operators import multiply_adds
from fer_runtime.assets import asset_path
from fer_runtime.faces import detector
from fer_runtime.faces.pipeline import EmotionPipeline
from fer_runtime.model.classifier import Classifier, Probabilities
from fer_runtime.model.metadata import DEFAULT_MODEL

RESNET = 1.8e9
"""Multiply-adds of ResNet-18 at 224×224 (He et al. 2015): dense 3×3 like the classifier."""


class Board(NamedTuple):
    """What one core does a second."""

    name: str
    yunet: float
    """Multiply-adds of YuNet, float32 in OpenCV."""
    dense: float
    """Multiply-adds of a dense int8 network."""
    cycles: float


# OpenCV Zoo (github.com/opencv/opencv_zoo, benchmark/README.md), Raspberry Pi 4B at 1.5 GHz: YuNet
# at 160×120 takes 5.43 ms, which more threads do not help; it counts 17.2 million multiply-adds.
_YUNET_4 = 17.2e6 / 0.00543
# ncnn (github.com/Tencent/ncnn, benchmark/README.md), one thread: "Raspberry Pi 4 Model B ...
# (1.8GHz x 4)": mobilenet 124.32 ms, resnet18_int8 158.50 ms. "Rockchip RK3588 (Cortex-A76 2.4GHz
# x 4 ...)", core and clock of a Raspberry Pi 5: mobilenet 41.19 ms, resnet18_int8 119.00 ms. There
# ncnn computes in float16, two numbers where float32 has one: half of the gain is taken.
BOARDS = (
    Board("Raspberry Pi 4", _YUNET_4, RESNET / 0.1585, 1.5e9),
    Board("Raspberry Pi 5", _YUNET_4 * 124.32 / 41.19 / 2, RESNET / 0.119, 2.4e9),
)

# Of libjpeg's accurate inverse transform (jidctint.c): 12 multiplications and 32 additions for a
# line of eight, sixteen lines a block. Colour: four products and six sums a pixel (jdcolor.c).
# Huffman: so many for a bit of the file, a generous guess.
_BLOCK, _PIXEL, _BIT = 16 * 44, 10, 5


def yunet_multiply_adds(width: int, height: int) -> int:
    """Return the multiply-adds of YuNet's convolutions for a picture of so many pixels."""
    net = cv2.dnn.readNetFromONNX(str(asset_path("yunet")))
    # FaceDetectorYN pads to multiples of 32.
    width, height = (-(-n // 32) * 32 for n in (width, height))
    net.setInput(np.zeros((1, 3, height, width), np.float32))
    total = 0
    names = [n for n in net.getLayerNames() if net.getLayer(n).type == "Convolution"]
    for name, out in zip(names, net.forward(names), strict=True):
        # Weights are (out, in / groups, kernel height, kernel width).
        weights = net.getParam(name, 0)
        total += out.shape[2] * out.shape[3] * weights.size
    return total


def jpeg_operations(data: Any) -> int:
    """Return the operations that decoding a (1, N) uint8 JPEG with 4:2:0 colour takes."""
    height, width = cv2.imdecode(data, cv2.IMREAD_COLOR).shape[:2]
    blocks = height * width / 64 * 1.5
    return int(blocks * _BLOCK + height * width * _PIXEL + 8 * data.size * _BIT)


class Counted(Classifier):
    """Counts the faces that it reads."""

    faces = 0

    def probabilities(self, crops: NDArray[np.uint8]) -> Probabilities:
        """Read them."""
        self.faces += len(crops)
        return super().probabilities(crops)


def count() -> dict[str, float]:
    """Return what a second of the demo scene takes: passes, faces, frames and operations."""
    jpegs = draw()
    sizes: Counter[tuple[int, int]] = Counter()
    inner = detector._detections

    def counted(net: Any, frame: Any, *factors: float) -> Any:
        sizes[frame.shape[1], frame.shape[0]] += 1
        return inner(net, frame, *factors)

    detector._detections = counted
    classifier = Counted(DEFAULT_MODEL)
    pipeline = EmotionPipeline(classifier=classifier)
    classifier.faces = decoded = jpeg = 0
    for i, data in enumerate(jpegs):
        # As the processing loop does: what need not be looked at is not decoded.
        if pipeline.follow(i / FPS) is None:
            decoded, jpeg = decoded + 1, jpeg + jpeg_operations(data)
            pipeline.analyze(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8), i / FPS)
    detector._detections = inner
    seconds = len(jpegs) / FPS
    out = {f"passes of YuNet at {w}×{h}": n / seconds for (w, h), n in sizes.most_common()}
    graph = read_graph(pipeline.classifier.path.read_bytes())
    return out | {
        "frames decoded": decoded / seconds,
        "faces classified": classifier.faces / seconds,
        "yunet": sum(n * yunet_multiply_adds(*size) for size, n in sizes.items()) / seconds,
        "classifier": classifier.faces * multiply_adds(graph) / seconds,
        "jpeg": jpeg / seconds,
    }


def main() -> None:
    """Print the operations, and a line for each board."""
    found = count()
    for what, n in found.items():
        if what not in ("yunet", "classifier", "jpeg"):
            print(f"{n:8.1f} {what} a second")
    print(f"YuNet {found['yunet'] / 1e6:.0f}, classifier {found['classifier'] / 1e6:.0f} million "
          f"multiply-adds, JPEG {found['jpeg'] / 1e6:.0f} million operations a second")  # fmt: skip
    face = found["classifier"] / found["faces classified"]
    for board in BOARDS:
        yunet, classifier = found["yunet"] / board.yunet, found["classifier"] / board.dense
        jpeg = found["jpeg"] / board.cycles
        print(f"{board.name}, {board.yunet / 1e9:.1f} and {board.dense / 1e9:.1f} thousand million "
              f"a second: YuNet {100 * yunet:.0f} %, classifier {100 * classifier:.0f} %, JPEG "
              f"{100 * jpeg:.0f} % of a core, {100 * (yunet + classifier + jpeg):.0f} % in all; "
              f"a face {1000 * face / board.dense:.0f} ms, a search of 320×240 "
              f"{1000 * yunet_multiply_adds(320, 240) / board.yunet:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
