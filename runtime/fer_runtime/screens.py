"""Whole-window screens: no camera, covered camera, starting, help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from .preprocess import Image
from .text import TextPainter

_BACKGROUND: Final = (44, 36, 30)
_TITLE: Final = (240, 240, 240)
_LINE: Final = (190, 190, 190)

_TEXTS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "en": {
        "starting": ("starting", "waiting for the first picture"),
        "retrying": ("camera disconnected, retrying ({seconds:.0f}\u00a0s)", "check the cable"),
        "covered": (
            "camera covered ({seconds:.0f}\u00a0s)",
            "open the shutter or take off the cap",
        ),
    },
    "es": {
        "starting": ("iniciando", "esperando la primera imagen"),
        "retrying": (
            "cámara desconectada, reintentando ({seconds:.0f}\u00a0s)",
            "compruebe el cable",
        ),
        "covered": ("cámara tapada ({seconds:.0f}\u00a0s)", "abra el obturador o quite la tapa"),
    },
}

HELP: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "q  quit",
        "b  bars",
        "f  full screen",
        "m  mirror",
        "l  legend",
        "Tab  choose a face",
        "1-7  what it really shows",
        "h  close this help",
    ),
    "es": (
        "q  salir",
        "b  barras",
        "f  pantalla completa",
        "m  espejo",
        "l  leyenda",
        "Tab  elegir una cara",
        "1-7  lo que muestra de verdad",
        "h  cerrar esta ayuda",
    ),
}


def state_text(state: str, seconds: float, language: str) -> tuple[str, str]:
    """Return title and advice for a source's state, such as ``retrying``."""
    title, advice = _TEXTS[language][state]
    return title.format(seconds=seconds), advice


def screen(
    painter: TextPainter,
    size: tuple[int, int],
    title: str,
    lines: Sequence[str] = (),
    *,
    font_scale: float = 1.0,
) -> Image:
    """Draw a calm screen with a title and lines in its middle.

    Parameters
    ----------
    painter
        Renders and caches the text.
    size
        Height and width in pixels.
    title
        Wrapped where it is too long.
    lines
        Smaller text below; each is wrapped.
    font_scale
        Size of all text.

    Returns
    -------
    (H, W, 3) uint8 BGR.
    """
    height, width = size
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = _BACKGROUND
    px = max(14, round(min(height, width * 0.75) / 17 * font_scale))
    while True:
        small = max(12, round(px * 0.68))
        rows = [(t, px, _TITLE) for t in painter.wrap(title, px, round(width * 0.9))]
        for line in lines:
            rows += [(t, small, _LINE) for t in painter.wrap(line, small, round(width * 0.9))]
        # A long consent text must be readable to its end, so it is written smaller.
        if px <= 14 or sum(round(p * 1.5) for _, p, _ in rows) <= height * 0.95:
            break
        px = max(14, round(px * 0.9))
    y = (height - sum(round(p * 1.5) for _, p, _ in rows)) // 2
    for text, p, color in rows:
        x = (width - painter.size(text, p)[0]) // 2
        painter.draw(canvas, text, x, y, p, color)
        y += round(p * 1.5)
    return canvas
