"""Whole-window screens: no camera, covered camera, starting, help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..arrays import Image
from ..labels import EMOTIONS, label_name
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

_HELP: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "en": (
        ("q, Esc", "quit"),
        ("b", "bars of all seven emotions"),
        ("f", "full screen"),
        ("m", "mirror"),
        ("l", "legend of colours"),
        ("Tab", "choose a face"),
        ("1-7", "say what it really shows:"),
        ("h", "close this help"),
    ),
    "es": (
        ("q, Esc", "salir"),
        ("b", "barras de las siete emociones"),
        ("f", "pantalla completa"),
        ("m", "espejo"),
        ("l", "leyenda de colores"),
        ("Tab", "elegir una cara"),
        ("1-7", "decir qué muestra de verdad:"),
        ("h", "cerrar esta ayuda"),
    ),
}


def help_rows(language: str) -> list[tuple[str, str]]:
    """Return the keys and what they do."""
    rows: list[tuple[str, str]] = []
    for key, text in _HELP[language]:
        rows.append((key, text))
        if key == "1-7":
            names = [f"{i} {label_name(e, language)}" for i, e in enumerate(EMOTIONS, 1)]
            rows += [("", ", ".join(names[:4]) + ","), ("", ", ".join(names[4:]))]
    return rows


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
        room = round(width * 0.9)
        rows = [(t, px, _TITLE, round(px * 1.5)) for t in painter.wrap(title, px, room)]
        for line in lines:
            paragraph = painter.wrap(line, small, room)
            for i, t in enumerate(paragraph):
                # A little space parts paragraphs, where there is any.
                step = 1.95 if i == len(paragraph) - 1 and px > 14 else 1.5
                rows.append((t, small, _LINE, round(small * step)))
        total = sum(step for _, _, _, step in rows)
        # A long consent text must be readable to its end, so it is written smaller.
        if px <= 14 or total <= height * 0.95:
            break
        px = max(14, round(px * 0.9))
    y = (height - total) // 2
    for text, p, color, step in rows:
        x = (width - painter.size(text, p)[0]) // 2
        painter.draw(canvas, text, x, y, p, color)
        y += step
    return canvas


def help_screen(
    painter: TextPainter, size: tuple[int, int], language: str, *, font_scale: float = 1.0
) -> Image:
    """Draw the keys in one column and what they do in another, (H, W, 3) uint8 BGR of `size`."""
    height, width = size
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = _BACKGROUND
    rows = help_rows(language)
    px = max(12, round(min(height, width * 0.9) / 22 * font_scale))
    while True:
        key_w = max(painter.size(key, px)[0] for key, _ in rows) + px
        text_w = max(painter.size(text, px)[0] for _, text in rows)
        row_h = round(px * 1.6)
        if px <= 12 or (key_w + text_w <= width * 0.95 and row_h * len(rows) <= height * 0.95):
            break
        px -= 1
    left, y = max(0, (width - key_w - text_w) // 2), max(0, (height - row_h * len(rows)) // 2)
    for key, text in rows:
        painter.draw(canvas, key, left, y, px, _TITLE)
        painter.draw(canvas, text, left + key_w, y, px, _LINE)
        y += row_h
    return canvas
