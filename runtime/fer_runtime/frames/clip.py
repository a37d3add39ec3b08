"""A video file, read in step: every frame once."""

from __future__ import annotations

from pathlib import Path

import cv2

from ..arrays import Image
from ..errors import CameraError, DataError
from ..settings.frames import SourceSettings
from .jpeg import Jpeg
from .pictures import printable
from .video import Video

_JUMP_S = 3600.0
"""Two frames further apart than this have a damaged time, not a pause between them."""


class ClipSource(Video):
    """A video file, or a FIFO that one comes through."""

    live = False

    def __init__(self, settings: SourceSettings, path: Path) -> None:
        super().__init__(settings, printable(path))
        self._path = path
        self._first_s = self._time_s = 0.0

    def open(self) -> None:
        """Open; CameraError where it cannot be opened, DataError where it is no video."""
        self._check()
        super().open()

    def read(self) -> Image | None:
        """Return the next frame; DataError where not even the first can be decoded."""
        frame = super().read()
        assert not isinstance(frame, Jpeg)  # FFmpeg decodes
        if frame is not None:
            self._note_time()
        elif self._capture is not None and not self._count:
            raise DataError(
                f"video {self.name}: expected a video, but not one frame could be decoded"
            )
        return frame

    def time_s(self) -> float:
        """Return the newest frame's presentation time, counted from the first frame's."""
        return self._time_s

    def _note_time(self) -> None:
        """Take the frame's presentation time: the stated rate is wrong where the rate varies.

        Some files lack the time of some frames, which then follow by the stated rate; so does a
        frame after a jump, and those behind it count on from there.
        """
        assert self._capture is not None
        shown_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        if self._count == 1:
            self._first_s, self._time_s = shown_s, 0.0
            return
        next_s = self._time_s + self._frame_s
        if shown_s - self._first_s > self._time_s + _JUMP_S:
            self._first_s = shown_s - next_s
        if shown_s - self._first_s > self._time_s:
            next_s = shown_s - self._first_s
        self._time_s = next_s

    def _connect(self, capture: cv2.VideoCapture) -> bool:
        return bool(capture.open(str(self._path), cv2.CAP_FFMPEG))

    def _why_not(self) -> DataError:
        return DataError(
            f"video {self.name}: expected a video that FFmpeg can decode, received something else",
            "check it with: ffprobe FILE",
        )

    def _check(self) -> None:
        if self.name == str(self._path) and self._path.is_fifo():
            return  # looking into it would take its first byte away
        if self.name != str(self._path):
            # Python hands such a name to OpenCV, which dies of it.
            raise DataError(
                f"video {self.name}: expected a file name in UTF-8, received other bytes",
                "rename the file",
            )
        try:
            with self._path.open("rb") as file:
                if not file.read(1):
                    raise DataError(f"video {self._path}: expected a video, received an empty file")
        except OSError as error:
            raise CameraError(f"source {self._path}: cannot be opened: {error.strerror}") from None
