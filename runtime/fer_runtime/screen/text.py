"""Text on frames: one font that ships with us, every sprite cached.

OpenCV's putText knows ASCII only, and the system's fonts would make each kiosk look different.
``font.otf`` (see ``runtime/make_font.py``) has Latin with all accents, Greek and Cyrillic.
"""

from __future__ import annotations

import math
import unicodedata
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

from ..arrays import Image

Alpha = NDArray[np.uint8]
Color = tuple[int, int, int]
_FONT = Path(__file__).with_name("font.otf")
_CACHE_SIZE = 512
_WRAPPED_SIZE = 64
_OVERSAMPLING = 4
# In sizes of the text: how far below the top of the line letters stand, how high a line is.
_BASELINE, _LINE_HEIGHT = 0.97, 1.3
# Size of the font for a text of size 1: capitals are then 0.69 high.
_FONT_SIZE = 0.95


class TextPainter:
    """Draws lines of text; the same text in the same size is rendered once.

    A number that changes with every frame would fill the cache, so callers round what they
    show.
    """

    def __init__(self) -> None:
        self._fonts: dict[int, PIL.ImageFont.FreeTypeFont] = {}
        self._sprites: OrderedDict[tuple[str, int], Alpha] = OrderedDict()
        self._wrapped: dict[tuple[str, int, int], list[str]] = {}
        self._inks: OrderedDict[tuple[str, int, Color], tuple[Image, Image]] = OrderedDict()

    def sprite(self, text: str, px: int) -> Alpha:
        """Return the opacity of a line of text, (h, w) uint8; `px` is the font's size."""
        key = (text, px)
        found = self._sprites.get(key)
        if found is None:
            found = self._sprites[key] = self._render(text, px)
            if len(self._sprites) > _CACHE_SIZE:
                self._sprites.popitem(last=False)
        else:
            self._sprites.move_to_end(key)
        return found

    def size(self, text: str, px: int) -> tuple[int, int]:
        """Return width and height of a line of text in pixels, without rendering it."""
        found = self._sprites.get((text, px))
        width = self._width(text, px) if found is None else found.shape[1]
        return width, round(px * _LINE_HEIGHT)

    def draw(self, image: Image, text: str, x: int, y: int, px: int, color: Color) -> None:
        """Draw a line with its top left corner at (x, y), in place; clipped at the borders."""
        key = (text, px, color)
        found = self._inks.get(key)
        if found is None:
            found = self._inks[key] = _ink(self.sprite(text, px), color)
            if len(self._inks) > _CACHE_SIZE:
                self._inks.popitem(last=False)
        else:
            self._inks.move_to_end(key)
        _blend(image, *found, x, y)

    def wrap(self, text: str, px: int, width: int) -> list[str]:
        """Break a text into lines of at most `width` pixels at its spaces."""
        key = (text, px, width)
        if key not in self._wrapped:
            if len(self._wrapped) >= _WRAPPED_SIZE:
                self._wrapped.clear()
            self._wrapped[key] = self._wrap(text, px, width)
        return self._wrapped[key]

    def _wrap(self, text: str, px: int, width: int) -> list[str]:
        lines: list[str] = []
        for paragraph in text.splitlines():
            line = ""
            # Not split(): a no-break space keeps a number and its unit together.
            for word in filter(None, paragraph.split(" ")):
                longer = f"{line} {word}".strip()
                if line and self._width(longer, px) > width:
                    lines.append(line)
                    line = word
                else:
                    line = longer
            lines.append(line)
        return lines

    def _width(self, text: str, px: int) -> int:
        """Return the width of a line's sprite in pixels."""
        length = self._font(px).getlength(_composed(text))
        return max(1, math.ceil(length / _OVERSAMPLING))

    def _font(self, px: int) -> PIL.ImageFont.FreeTypeFont:
        """Return the font for a text of size `px`, so many times as large."""
        if px not in self._fonts:
            # The same letters everywhere, whether the system has a shaping library or not.
            self._fonts[px] = PIL.ImageFont.truetype(
                _FONT, px * _OVERSAMPLING * _FONT_SIZE, layout_engine=PIL.ImageFont.Layout.BASIC
            )
        return self._fonts[px]

    def _render(self, text: str, px: int) -> Alpha:
        # Drawn large and reduced: letters then stand where they belong rather than on the
        # nearest pixel.
        width, height = self._width(text, px), round(px * _LINE_HEIGHT)
        canvas = PIL.Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING), 0)
        pen, foot = PIL.ImageDraw.Draw(canvas), round(px * _BASELINE * _OVERSAMPLING)
        pen.text((0, foot), _composed(text), font=self._font(px), fill=255, anchor="ls")
        reduced = canvas.reduce(_OVERSAMPLING)
        return np.asarray(reduced, np.uint8).copy()


def _composed(text: str) -> str:
    """Return a text with every accented letter as one character, as the font has them."""
    return unicodedata.normalize("NFC", text)


def _ink(alpha: Alpha, color: Color) -> tuple[Image, Image]:
    """Return a text's own light and what it lets through, both (h, w, 3) uint8."""
    rest = cv2.merge([255 - alpha] * 3)
    ink = (alpha[..., np.newaxis] * np.array(color, np.uint16) + 127) // 255
    return ink.astype(np.uint8), np.asarray(rest, np.uint8)


def _blend(image: Image, ink: Image, rest: Image, x: int, y: int) -> None:
    """Lay a text over (H, W, 3) `image` with its corner at (x, y), clipped, in place."""
    x0, y0 = max(0, x), max(0, y)
    x1 = min(image.shape[1], x + ink.shape[1])
    y1 = min(image.shape[0], y + ink.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    cut = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
    part = image[y0:y1, x0:x1]
    # OpenCV's arithmetic is several times as fast as numpy's on pieces of this size.
    part[:] = cv2.add(cv2.multiply(part, rest[cut], scale=1 / 255), ink[cut])


def shade(image: Image, x0: int, y0: int, x1: int, y1: int, strength: float = 0.6) -> None:
    """Darken a rectangle in place, so that light text on it can be read on any picture."""
    x0, y0 = max(0, x0), max(0, y0)
    part = image[y0 : max(y0, y1), x0 : max(x0, x1)]
    if part.size:
        part[:] = cv2.convertScaleAbs(part, alpha=1 - strength)


def ink_on(color: Color) -> Color:
    """Return black or white, whichever reads better on a BGR colour (Rec. 601 luma)."""
    b, g, r = color
    return (0, 0, 0) if 0.114 * b + 0.587 * g + 0.299 * r > 125 else (255, 255, 255)
