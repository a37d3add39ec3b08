"""The window's loop, without a window."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from fer_runtime.frames.jpeg import Jpeg
from fer_runtime.frames.source import Frame
from fer_runtime.screen.window import Key
from fer_runtime.settings.schema import Settings
from fer_runtime.wiring.viewer import Viewer


class Glass:
    """Counts what is shown."""

    screen_size = None
    closed = False

    def __init__(self) -> None:
        self.shown = 0

    def poll(self, wait_ms: int) -> Key | None:
        return None

    def show(self, picture: np.ndarray) -> None:
        self.shown += 1


# In one place of the memory, as new results often are where old ones were.
RESULT = SimpleNamespace(frame=None, readings=(), processing_ms=5.0)
PROCESSOR: Any = SimpleNamespace(
    result=RESULT,
    feed=SimpleNamespace(source=SimpleNamespace(live=True)),
    rate=SimpleNamespace(rate=lambda _: 30.0),
)
PICTURE = np.zeros((48, 64, 3), np.uint8)


def opened() -> tuple[Viewer, Glass]:
    viewer = Viewer(Settings(), lambda: datetime.now(timezone.utc), None, None, lambda *_: None)
    glass = Glass()
    viewer._window = glass  # type: ignore[assignment]
    return viewer, glass


def show(viewer: Viewer, frame: Frame, now: float) -> None:
    """Let the window look twice at a frame."""
    RESULT.frame = frame
    for _ in range(2):
        assert viewer.step(PROCESSOR, ("running", 0.0, ""), now)


def test_every_new_frame_is_drawn_and_no_old_one() -> None:
    viewer, glass = opened()
    now = 1.0
    for number in range(30):
        show(viewer, Frame(PICTURE, number, now), now)
        assert glass.shown == number + 1
        now += 1 / 30


def test_a_broken_picture_that_nobody_has_looked_at_leaves_the_last_one() -> None:
    """Frames between two looks are decoded for the window alone."""
    viewer, glass = opened()
    good = cv2.imencode(".jpg", PICTURE)[1].reshape(-1)
    broken = np.frombuffer(b"\xff\xd8" + b"no picture" + b"\xff\xd9", np.uint8)
    now = 1.0
    for number, data in enumerate((good, broken, good)):
        show(viewer, Frame(Jpeg(data), number, now), now)
        now += 1 / 30
    assert glass.shown == 2
