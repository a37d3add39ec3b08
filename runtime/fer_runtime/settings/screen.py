"""Settings of what people see."""

from __future__ import annotations

from dataclasses import dataclass

from ..labels import LANGUAGES
from .limits import setting


@dataclass(frozen=True)
class WindowSettings:
    """The live window."""

    show: bool = setting(False, "open the live window", flag="--show/--headless")
    language: str = setting(
        "en", "language of labels and messages", choices=LANGUAGES, flag="--lang", reload=True
    )
    fullscreen: bool = setting(False, "start in full screen", flag="--fullscreen")
    mirror: bool = setting(False, "show the picture mirrored", flag="--mirror", reload=True)
    bars: bool = setting(False, "show all seven probabilities", flag="--bars", reload=True)
    legend: bool = setting(False, "show the legend of colours", reload=True)
    font_scale: float = setting(1.0, "size of all text", low=0.5, high=4, reload=True)
    notice: str = setting("", "notice at the foot of the window, for consent", reload=True)
    width: int = setting(0, "width of the window; 0 as the frame", "px", low=0, high=7680)
    height: int = setting(0, "height of the window; 0 as the frame", "px", low=0, high=4320)


@dataclass(frozen=True)
class PrivacySettings:
    """What the window hides. Frames are never stored or sent, whatever is set here."""

    blur_faces: bool = setting(False, "pixelate faces in the window", flag="--blur", reload=True)
