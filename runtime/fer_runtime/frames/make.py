"""Which source a name means."""

from __future__ import annotations

import errno
from pathlib import Path

from ..arrays import PICTURE_SUFFIXES
from ..errors import CameraError
from ..settings.frames import SourceSettings
from ..urls import public_url
from .camera import CameraSource
from .clip import ClipSource
from .demo import DemoSource
from .paced import Paced
from .pictures import PictureSource
from .source import Source
from .stream import StreamSource


def make_source(settings: SourceSettings) -> Source:
    """Build the source that ``settings.source`` names; nothing is opened yet.

    Raises
    ------
    CameraError
        If it names a file or folder that is not there, or out of reach.
    """
    text = settings.source
    source: Source
    if text == "demo":
        source = DemoSource(settings)
    elif text.isdecimal():
        return CameraSource(settings, int(text))
    elif "://" in text:
        return StreamSource(settings, text)
    elif text.startswith("/dev/"):
        return CameraSource(settings, text)
    else:
        path = Path(text)
        try:
            path.stat()
        except OSError as error:
            missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
            raise CameraError(
                f"source {public_url(text)}: "
                + ("no such file or folder" if missing else f"cannot be opened: {error.strerror}"),
                "give a camera index, a /dev/v4l/by-id/... path, a file, a folder, a URL or demo",
            ) from None
        if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
            return PictureSource(settings, path)
        source = ClipSource(settings, path)
    return Paced(source, loop=settings.loop) if settings.realtime else source
