"""One picture or a folder of them."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ..arrays import PICTURE_SUFFIXES, Image, read_picture, rotate
from ..errors import CameraError, DataError
from ..settings.frames import SourceSettings

_LOGGER = logging.getLogger(__name__)


class PictureSource:
    """One picture or a folder of them, each on its own, in order of name."""

    live = False
    independent = True

    def __init__(self, settings: SourceSettings, path: Path) -> None:
        self.settings, self.path, self.name = settings, path, printable(path)
        self.single = not path.is_dir()
        self.current = ""
        self._files: list[Path] = []
        self._next = 0
        self._size = (0, 0)

    def open(self) -> None:
        """List the pictures; see `Source.open`."""
        try:
            if self.single:
                self._files = [self.path]
            else:
                names = (p for p in self.path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
                self._files = sorted(names)
        except OSError as error:
            raise CameraError(f"source {self.path}: cannot be opened: {error.strerror}") from None
        if not self._files:
            kinds = ", ".join(PICTURE_SUFFIXES)
            raise DataError(f"folder {self.path}: expected pictures ({kinds}), received none")
        self._next = 0

    def read(self) -> Image | None:
        """Read the next picture; of a folder, those that are none are left out.

        Raises
        ------
        DataError
            Where the one picture that was asked for is none.
        """
        while self._next < len(self._files):
            path = self._files[self._next]
            self._next += 1
            self.current = path.name
            try:
                picture = rotate(read_picture(path), self.settings.rotate)
            except DataError as error:
                if self.single:
                    raise
                _LOGGER.warning("left out: %s", error)
                continue
            self._size = (picture.shape[1], picture.shape[0])
            return picture
        return None

    def time_s(self) -> float:
        """Pictures have no time; one second each keeps every one of them in the CSV."""
        return float(self._next - 1)

    def describe(self) -> str:
        """Describe; see `Source.describe`."""
        return "one picture" if self.single else f"{len(self._files)} pictures"

    def close(self) -> None:
        """Nothing is held open."""


def printable(path: Path) -> str:
    """Return a path as text that can be written as UTF-8, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "replace")
