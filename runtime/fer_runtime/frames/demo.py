"""The demo as a source: the generated scene, without a camera."""

from __future__ import annotations

from typing import Any

from ..arrays import Image, read_picture, rotate
from ..assets import asset_path
from ..errors import quiet_stderr
from ..settings.frames import SourceSettings
from .scene import DemoScene


class DemoSource:
    """The generated scene: a portrait that moves, leaves, comes back and is joined."""

    name = "demo"
    live = False
    independent = False

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self._scene: Any = None
        self._index = 0

    def open(self) -> None:
        """Load the portrait; AssetError where it has not been fetched."""
        path = asset_path("portrait")
        with quiet_stderr():  # libpng warns of this file's colour profile
            portrait = read_picture(path)
        size = (self.settings.height, self.settings.width)
        self._scene = DemoScene(portrait, size=size, fps=self.settings.fps)
        self._index = 0

    def read(self) -> Image | None:
        """Draw the next frame; it never ends."""
        if self._scene is None:
            return None
        frame: Image = self._scene.frame(self._index)
        self._index += 1
        return rotate(frame, self.settings.rotate)

    def time_s(self) -> float:
        """Return the newest frame's time."""
        return (self._index - 1) / self.settings.fps

    def describe(self) -> str:
        """Describe; see `Source.describe`."""
        return f"{self.settings.width}x{self.settings.height} at {self.settings.fps:g} fps"

    def close(self) -> None:
        """Nothing is held open."""
