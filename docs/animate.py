"""Draw docs/demo.webp: the first seconds of the demo scene as the live window shows them.

python docs/animate.py docs/demo.webp

The portrait of the scene: Eileen Collins, NASA, public domain. Every frame is one of the pipeline
with the settings in force; none is retouched.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cv2
from PIL import Image as Pictures

from fer_runtime import EmotionPipeline
from fer_runtime.assets import asset_path
from fer_runtime.frames.scene import DemoScene
from fer_runtime.screen.overlay import Overlay, ViewInfo
from fer_runtime.settings.schema import Settings

FPS = 30
EVERY = 4
"""Of the scene's frames so many-th is kept: 7.5 a second."""
SECONDS = 16
WIDTH = 560
"""Of the picture in pixels."""
LIMIT = 2_000_000
"""Bytes that the first screen of a README may take."""


def frames() -> list[Pictures.Image]:
    """Return the annotated frames, RGB, `WIDTH` pixels wide."""
    settings = Settings()
    scene = DemoScene(cv2.imread(str(asset_path("portrait"))))
    pipeline = EmotionPipeline(settings)
    overlay = Overlay(settings.window, settings.privacy)
    kept = []
    for number in range(FPS * SECONDS):
        frame = scene.frame(number)
        began = time.perf_counter()
        readings = pipeline.analyze(frame, number / FPS)
        took_ms = 1000 * (time.perf_counter() - began)
        if number % EVERY:
            continue
        info = ViewInfo(fps=FPS, processing_ms=took_ms, time_s=number / FPS)
        picture = overlay.draw(frame, readings, info)
        height = round(picture.shape[0] * WIDTH / picture.shape[1])
        small = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
        kept.append(Pictures.fromarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)))
    return kept


def save(pictures: list[Pictures.Image], path: Path) -> int:
    """Write an endless animation and return its bytes; ValueError where there are too many."""
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], loop=0, quality=60, method=6,
        duration=round(1000 * EVERY / FPS),
    )  # fmt: skip
    size = path.stat().st_size
    if size > LIMIT:
        raise ValueError(f"{path}: expected {LIMIT} bytes at most, received {size}")
    return size


if __name__ == "__main__":
    target = Path(sys.argv[1])
    print(f"{target}: {save(frames(), target)} bytes")
