"""The window's loop, without a window."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import numpy as np

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


def test_every_new_frame_is_drawn_and_no_old_one() -> None:
    viewer = Viewer(Settings(), lambda: datetime.now(timezone.utc), None, None, lambda *_: None)
    viewer._window = glass = Glass()  # type: ignore[assignment]
    # In one place of the memory, as new results often are where old ones were.
    result = SimpleNamespace(frame=None, readings=(), processing_ms=5.0)
    processor = SimpleNamespace(
        result=result,
        feed=SimpleNamespace(source=SimpleNamespace(live=True)),
        rate=SimpleNamespace(rate=lambda _: 30.0),
    )
    picture, now = np.zeros((48, 64, 3), np.uint8), 1.0
    for number in range(30):
        result.frame = Frame(picture, number, now)
        for _ in range(2):
            viewer.step(processor, ("running", 0.0, ""), now)  # type: ignore[arg-type]
        assert glass.shown == number + 1
        now += 1 / 30
