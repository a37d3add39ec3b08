"""One annotated frame of the demo scene as a PNG: the only picture this program ever writes."""

from __future__ import annotations

from pathlib import Path

import cv2

from ..errors import OutputError
from ..processor import Result
from ..settings.schema import Settings
from .overlay import Overlay, ViewInfo


def save_demo_picture(path: str, result: Result, settings: Settings) -> None:
    """Draw `result` and write it to `path`; OutputError where that fails."""
    overlay = Overlay(settings.window, settings.privacy)
    info = ViewInfo(fps=settings.source.fps, processing_ms=result.processing_ms)
    picture = overlay.draw(result.frame.image, result.readings, info)
    blob = cv2.imencode(".png", picture)[1].tobytes()
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(blob)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None
