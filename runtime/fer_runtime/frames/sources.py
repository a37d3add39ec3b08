"""Where frames come from: a camera, a URL, a video file, a folder, a picture, the demo.

Every source opens, reads and closes in the same way. Live sources (camera, URL) are read by
the capture thread and may drop frames; the others are read in step, every frame once.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from ..arrays import Image
from ..assets import asset_path
from ..errors import CameraError, DataError
from ..model.interpreter import quiet_start
from ..settings.schema import SourceSettings
from . import cameras

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
_ROTATIONS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class Source(Protocol):
    """What the daemon asks of a source."""

    name: str
    """As the user wrote it, without passwords."""
    live: bool
    """Whether frames come at their own pace and cannot be asked for again."""
    independent: bool
    """Whether each frame is a picture on its own rather than part of a sequence."""

    def open(self) -> None:
        """Open or open again; CameraError or DataError where that fails."""
        ...

    def read(self) -> Image | None:
        """Return the next frame, (H, W, 3) uint8 BGR; None at the end or when it is lost."""
        ...

    def time_s(self, index: int) -> float:
        """Return the time of frame `index` on the source's own clock, in seconds."""
        ...

    def describe(self) -> str:
        """Return real size and rate, such as ``640x480 at 30 fps``."""
        ...

    def close(self) -> None:
        """Release it; may be called twice."""
        ...


class VideoSource:
    """Camera, URL or video file through `cv2.VideoCapture`."""

    independent = False

    def __init__(self, settings: SourceSettings, target: int | str, *, kind: str) -> None:
        self.settings = settings
        self.kind = kind  # camera, url or file
        self.live = kind != "file"
        self.name = hide_password(str(target))
        self._target = cameras.stable_path(target) if kind == "camera" else target
        self._capture: cv2.VideoCapture | None = None
        self._fps = 0.0
        self._size = (0, 0)
        self._read_any = False

    def open(self) -> None:
        """Open; see `Source.open`."""
        self.close()
        if self.kind == "file":
            self._check_file()
        capture = cv2.VideoCapture()
        try:
            opened = self._open(capture)
        except cv2.error:
            opened = False
        if not opened:
            capture.release()
            raise self._cannot_open()
        self._capture = capture
        self._fps = capture.get(cv2.CAP_PROP_FPS) or 0.0
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self._size = (width, int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self._read_any = False

    def read(self) -> Image | None:
        """Read; see `Source.read`."""
        if self._capture is None:
            return None
        try:
            good, frame = self._capture.read()
        except cv2.error:
            good, frame = False, None
        if not good or frame is None or frame.size == 0:
            if self.kind == "file" and not self._read_any:
                raise DataError(
                    f"video {self.name}: expected a video, but not one frame could be decoded"
                )
            return None
        self._read_any = True
        if frame.ndim == 2:
            frame = cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        self._size = (frame.shape[1], frame.shape[0])
        return rotate(np.asarray(frame, np.uint8), self.settings.rotate)

    def time_s(self, index: int) -> float:
        """Return the time of frame `index`; a clip without a rate counts as 25 fps."""
        return index / (self._fps if 0 < self._fps <= 1000 else 25.0)

    def describe(self) -> str:
        """Describe; see `Source.describe`."""
        rate = f"{self._fps:g} fps" if 0 < self._fps <= 1000 else "an unstated rate"
        turned = f", turned by {self.settings.rotate}°" if self.settings.rotate else ""
        return f"{self._size[0]}x{self._size[1]} at {rate}{turned}"

    def close(self) -> None:
        """Release the handle: a camera that is replugged gets its old number only then."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _open(self, capture: cv2.VideoCapture) -> bool:
        s = self.settings
        if self.kind == "url":
            # Without these a stalled server holds a read for 30 s.
            options = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                int(s.open_timeout_s * 1000),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                int(s.read_timeout_s * 1000),
            ]
            opened = capture.open(str(self._target), cv2.CAP_FFMPEG, options)
        elif self.kind == "file":
            opened = capture.open(str(self._target), cv2.CAP_FFMPEG)
        else:
            if isinstance(self._target, str) and not os.path.exists(self._target):
                return False
            backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
            opened = capture.open(self._target, backend)
            if opened:
                self._ask(capture)
        # One frame in the buffer at most: a queue of old ones is latency.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return bool(opened and capture.isOpened())

    def _ask(self, capture: cv2.VideoCapture) -> None:
        """Ask the camera for format, size and rate; it gives the nearest that it has."""
        s = self.settings
        if len(s.fourcc) == 4:
            fourcc = cv2.VideoWriter.fourcc(*s.fourcc)
            capture.set(cv2.CAP_PROP_FOURCC, fourcc)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, s.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, s.height)
        capture.set(cv2.CAP_PROP_FPS, s.fps)

    def _check_file(self) -> None:
        path = Path(str(self._target))
        if path.is_fifo():
            return  # looking into it would take its first byte away
        try:
            with path.open("rb") as file:
                if not file.read(1):
                    raise DataError(f"video {path}: expected a video, received an empty file")
        except OSError as error:
            raise CameraError(f"source {path}: cannot be opened: {error.strerror}") from None

    def _cannot_open(self) -> CameraError | DataError:
        if self.kind == "file":
            return DataError(
                f"video {self.name}: expected a video that FFmpeg can decode, received "
                "something else",
                "check it with: ffprobe FILE",
            )
        if self.kind == "url":
            return CameraError(
                f"source {self.name}: no stream within {self.settings.open_timeout_s:g} s",
                "check the address and that the camera is on",
            )
        return cameras.why_not(self._target)


class PictureSource:
    """One picture or a folder of them, each on its own, in order of name."""

    live = False
    independent = True

    def __init__(self, settings: SourceSettings, path: Path) -> None:
        self.settings, self.path, self.name = settings, path, str(path)
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
                names = (p for p in self.path.iterdir() if p.suffix.lower() in PICTURES)
                self._files = sorted(names)
        except OSError as error:
            raise CameraError(f"source {self.path}: cannot be opened: {error.strerror}") from None
        if not self._files:
            raise DataError(
                f"folder {self.path}: expected pictures ({', '.join(PICTURES)}), received none"
            )
        self._next = 0

    def read(self) -> Image | None:
        """Read the next picture; DataError where it is not one."""
        if self._next >= len(self._files):
            return None
        path = self._files[self._next]
        self._next += 1
        self.current = path.name
        picture = rotate(read_picture(path), self.settings.rotate)
        self._size = (picture.shape[1], picture.shape[0])
        return picture

    def time_s(self, index: int) -> float:
        """Pictures have no time; one second each keeps every one of them in the CSV."""
        return float(index)

    def describe(self) -> str:
        """Describe; see `Source.describe`."""
        return "one picture" if self.single else f"{len(self._files)} pictures"

    def close(self) -> None:
        """Nothing is held open."""


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
        from .demo import DemoScene

        path = asset_path("portrait")
        with quiet_start():  # libpng warns of this file's colour profile
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

    def time_s(self, index: int) -> float:
        """Return the time of frame `index`."""
        return index / self.settings.fps

    def describe(self) -> str:
        """Describe; see `Source.describe`."""
        return f"{self.settings.width}x{self.settings.height} at {self.settings.fps:g} fps"

    def close(self) -> None:
        """Nothing is held open."""


class Paced:
    """Another source played at its own rate, as a camera would: for ``--realtime``."""

    live = True
    independent = False

    def __init__(self, inner: Source, *, loop: bool = False) -> None:
        self.inner, self.name = inner, inner.name
        self.ended = False
        self._loop = loop
        self._start_s = 0.0
        self._index = 0

    def open(self) -> None:
        """Open the inner source and start its clock."""
        self.inner.open()
        self._start_s, self._index, self.ended = time.monotonic(), 0, False

    def read(self) -> Image | None:
        """Return the next frame when it is due."""
        frame = self.inner.read()
        if frame is None and self._loop and self._index:
            self.open()
            frame = self.inner.read()
        if frame is None:
            self.ended = True
            return None
        wait = self._start_s + self.inner.time_s(self._index) - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._index += 1
        return frame

    def time_s(self, index: int) -> float:
        """Return the inner source's time."""
        return self.inner.time_s(index)

    def describe(self) -> str:
        """Describe; see `Source.describe`."""
        return f"{self.inner.describe()}, in real time"

    def close(self) -> None:
        """Close the inner source."""
        self.inner.close()


def make_source(settings: SourceSettings) -> Source:
    """Build the source that ``settings.source`` names; nothing is opened yet.

    Raises
    ------
    CameraError
        If it names a file or folder that is not there.
    """
    text = settings.source
    source: Source
    if text == "demo":
        source = DemoSource(settings)
    elif text.isdecimal():
        return VideoSource(settings, int(text), kind="camera")
    elif "://" in text:
        return VideoSource(settings, text, kind="url")
    elif text.startswith("/dev/"):
        return VideoSource(settings, text, kind="camera")
    else:
        path = Path(text)
        if not path.exists():
            raise CameraError(
                f"source {text}: no such file or folder",
                "give a camera index, a /dev/v4l/by-id/... path, a file, a folder, a URL or demo",
            )
        if path.is_dir() or path.suffix.lower() in PICTURES:
            return PictureSource(settings, path)
        source = VideoSource(settings, text, kind="file")
    return Paced(source, loop=settings.loop) if settings.realtime else source


def read_picture(path: Path) -> Image:
    """Read a picture file as (H, W, 3) uint8 BGR; DataError where it is not one."""
    try:
        blob = np.fromfile(path, np.uint8)  # imread cannot open every name on Windows
    except OSError as error:
        raise DataError(f"picture {path}: cannot be read: {error.strerror}") from None
    picture: Any = None
    if blob.size:
        try:
            picture = cv2.imdecode(blob, cv2.IMREAD_COLOR)
        except cv2.error:
            picture = None
    if picture is None:
        what = "an empty file" if not blob.size else "something that does not decode"
        raise DataError(f"picture {path}: expected a picture, received {what}")
    return np.asarray(picture, np.uint8)


def rotate(frame: Image, degrees: int) -> Image:
    """Turn a frame clockwise by 0, 90, 180 or 270 degrees."""
    if not degrees:
        return frame
    return np.asarray(cv2.rotate(frame, _ROTATIONS[degrees]), np.uint8)


def hide_password(url: str) -> str:
    """Return a URL without its user and password, for logs and status."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
