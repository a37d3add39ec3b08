"""What the service costs on an MJPEG camera of 640×480 at 15 frames a second, one face in view.

    python benchmarks/camera.py                                 this code
    python benchmarks/camera.py --other OLD/.venv/bin/python    in turn with another's, thrice

The capture thread and the processing loop of the runtime, decoding included, on JPEGs of the demo
scene (quality 80, one person) that a stand-in for `cv2.VideoCapture` gives out at the camera's
pace, undecoded or, as OpenCV does where it is not told otherwise, decoded. What the kernel and
the USB bus cost is not in it. CPU is the whole process's, without the first two seconds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from typing import Any, ClassVar

import cv2
import numpy as np

from fer_runtime.assets import asset_path
from fer_runtime.faces.pipeline import EmotionPipeline
from fer_runtime.frames.feed import make_feed
from fer_runtime.frames.scene import DemoScene
from fer_runtime.settings.schema import Settings
from fer_runtime.wiring.processor import Processor

FPS = 15
_ONE_PERSON_S = 6.0
_WARM_UP_S = 2.0


class Camera:
    """`cv2.VideoCapture` on an MJPEG camera."""

    jpegs: ClassVar[list[Any]] = []
    """(1, N) uint8 each, drawn before anything is measured."""

    def __init__(self) -> None:
        self._convert, self._next_s, self._index = True, 0.0, 0

    def open(self, *_: object) -> bool:
        """Start the camera's clock."""
        self._next_s = time.monotonic()
        return True

    def isOpened(self) -> bool:
        """Say that it is."""
        return True

    def set(self, key: int, value: float) -> bool:
        """Take what is asked."""
        if key == cv2.CAP_PROP_CONVERT_RGB:
            self._convert = bool(value)
        return True

    def get(self, key: int) -> float:
        """Say what camera it is."""
        known = {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"), cv2.CAP_PROP_FPS: FPS,
                 cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480}  # fmt: skip
        return float(known.get(key, 0))

    def read(self) -> tuple[bool, Any]:
        """Wait for the next frame; there and back through the scene, so that nobody jumps."""
        self._next_s += 1 / FPS
        time.sleep(max(0.0, self._next_s - time.monotonic()))
        count = len(self.jpegs)
        k = self._index % (2 * count - 2)
        self._index += 1
        data = self.jpegs[k if k < count else 2 * count - 2 - k]
        return True, cv2.imdecode(data, cv2.IMREAD_COLOR) if self._convert else data.copy()

    def release(self) -> None:
        """Nothing is held."""


def draw() -> list[Any]:
    """Return the frames of the demo scene as long as one person is in it, as JPEG."""
    portrait = np.asarray(cv2.imread(str(asset_path("portrait"))), np.uint8)
    scene, noise = DemoScene(portrait, fps=FPS), np.random.default_rng(1)
    out = []
    for i in range(int(_ONE_PERSON_S * FPS)):
        frame = scene.frame(i)
        grain = np.clip(frame + noise.normal(0, 2, frame.shape), 0, 255).astype(np.uint8)
        data = cv2.imencode(".jpg", grain, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
        out.append(data.reshape(1, -1))
    return out


def measure(seconds: float) -> str:
    """Run for `seconds` and return the figures."""
    from fer_runtime.frames import device_names

    cv2.VideoCapture = Camera  # type: ignore[misc, assignment]
    device_names.resolve = lambda asked, names: 0  # type: ignore[assignment]
    Camera.jpegs = draw()
    settings = Settings().with_values({"source.source": "0"})
    feed = make_feed(settings.source, watched=False)
    processor = Processor(feed, EmotionPipeline(settings), [])
    spent: list[float] = []
    inner = processor._process

    def timed(frame: Any) -> None:
        began = time.thread_time()
        inner(frame)
        spent.append(1000 * (time.thread_time() - began))

    processor._process = timed  # type: ignore[method-assign]
    feed.start()
    processor.start()
    time.sleep(_WARM_UP_S)
    spent.clear()
    cpu, wall, readings = time.process_time(), time.monotonic(), processor.readings
    time.sleep(seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    frames, readings = len(spent), processor.readings - readings
    processor.stop(2)
    feed.stop()
    p50, p95 = np.percentile(spent, (50, 95))
    return (
        f"{100 * cpu / wall:5.2f} % of a core, {1000 * cpu / frames:5.2f} CPU ms a frame; the "
        f"loop's thread: median {p50:.2f}, p95 {p95:.2f} ms; {frames} frames, {readings} readings"
    )


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--other", help="Python of another version's environment")
    parser.add_argument("--rounds", type=int, default=3, help="with --other")
    given = parser.parse_args()
    if given.other is None:
        print(measure(given.seconds))
        return
    for _ in range(given.rounds):
        for name, python in (("other", given.other), ("this", sys.executable)):
            command = [python, __file__, "--seconds", str(given.seconds)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{name:<6}", done.stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
