"""Text on frames: Pillow's built-in font, accents composed by us, every sprite cached.

OpenCV's putText knows ASCII only, and the font inside Pillow lacks accented letters; relying
on the system's fonts would make each kiosk look different. So an accented letter is drawn as
its base letter with the mark above it.
"""

from __future__ import annotations

import math
import unicodedata
from collections import OrderedDict

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

from ..arrays import Image

Alpha = NDArray[np.uint8]
Color = tuple[int, int, int]
_CACHE_SIZE = 512
_WRAPPED_SIZE = 64
_OVERSAMPLING = 4
# Measures of the built-in font (Aileron Regular), in font sizes from the top of the line.
_CAPITAL_TOP, _SMALL_TOP, _BASELINE = 0.278, 0.44, 0.97
_DOT_END = 0.425
_LINE_HEIGHT = 1.3
# The font is thin on a moving picture: this much is added on each side of a stroke.
_EXTRA_WEIGHT = 1 / 56
_EXTRA_SPACE = 1 / 50
_MARK_WEIGHT = 1 / 9
_MARK_GAP = 0.05
_ACUTE, _GRAVE, _TILDE, _DIAERESIS = "\u0301", "\u0300", "\u0303", "\u0308"
_MARKS = (_ACUTE, _GRAVE, _TILDE, _DIAERESIS)
_TURNED = {"¿": "?", "¡": "!"}
# Punctuation that the font lacks, by what looks nearest.
_SUBSTITUTES = str.maketrans({"–": "-", "—": "-", "’": "'", "“": '"', "”": '"', "\u00a0": " "})


class TextPainter:
    """Draws lines of text; the same text in the same size is rendered once.

    A number that changes with every frame would fill the cache, so callers round what they
    show.
    """

    def __init__(self) -> None:
        self._fonts: dict[int, PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont] = {}
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
        big = px * _OVERSAMPLING
        plain = "".join(_TURNED.get(c, c) for c, _ in _letters(text.translate(_SUBSTITUTES)))
        length = self._font(big).getlength(plain) + len(plain) * big * _EXTRA_SPACE
        return max(1, math.ceil((length + 2 * _weight(big)) / _OVERSAMPLING))

    def _font(self, px: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
        if px not in self._fonts:
            self._fonts[px] = PIL.ImageFont.load_default(px)
        return self._fonts[px]

    def _render(self, text: str, px: int) -> Alpha:
        # Drawn large and reduced: accents and the extra weight then come out smooth, and
        # letters stand where they belong rather than on the nearest pixel.
        big = px * _OVERSAMPLING
        font = self._font(big)
        letters = _letters(text.translate(_SUBSTITUTES))
        # The opening marks of Spanish are as wide as what they are turned from.
        plain = "".join(_TURNED.get(letter, letter) for letter, _ in letters)
        width, height = self._width(text, px), round(px * _LINE_HEIGHT)
        weight, space = _weight(big), big * _EXTRA_SPACE
        canvas = PIL.Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING), 0)
        pen = PIL.ImageDraw.Draw(canvas)
        for i, (letter, marks) in enumerate(letters):
            shape = plain[i]
            step = font.getlength(shape)
            # The length up to and with a letter knows of kerning.
            x = weight + font.getlength(plain[: i + 1]) - step + i * space
            if letter in _TURNED:
                _draw_turned(canvas, font, shape, x, step, big, weight)
                continue
            pen.text((x, 0), shape, font=font, fill=255, stroke_width=weight, stroke_fill=255)
            if marks and shape in "ij":  # the mark takes the place of the dot
                pen.rectangle((x - weight, 0, x + step + weight, big * _DOT_END), fill=0)
            for mark in marks:
                _draw_mark(pen, mark, x + step / 2, big, capital=letter.isupper())
        reduced = canvas.resize((width, height), PIL.Image.Resampling.BOX)
        return np.asarray(reduced, np.uint8).copy()


def _weight(px: int) -> int:
    """Return how much is added to each side of a stroke, in pixels."""
    return max(1, round(px * _EXTRA_WEIGHT))


def _draw_turned(
    canvas: PIL.Image.Image,
    font: PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont,
    letter: str,
    x: float,
    step: float,
    px: int,
    weight: int,
) -> None:
    """Draw a letter upside down, as Spanish opens a question; its foot hangs a little."""
    size = (max(1, round(step)) + 2 * weight, round(px * _LINE_HEIGHT))
    glyph = PIL.Image.new("L", size, 0)
    pen = PIL.ImageDraw.Draw(glyph)
    pen.text((weight, 0), letter, font=font, fill=255, stroke_width=weight, stroke_fill=255)
    # Turned about the middle of small letters, so that its top is level with theirs.
    turned = glyph.rotate(180)
    shift = round(px * (_SMALL_TOP + _BASELINE - _LINE_HEIGHT))
    canvas.paste(255, (round(x) - weight, shift), turned)


def _letters(text: str) -> list[tuple[str, str]]:
    """Part a text into letters with the marks that stand above them; other marks are left out."""
    out: list[tuple[str, str]] = []
    for char in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(char):
            out.append((char, ""))
        elif char in _MARKS and out:
            out[-1] = (out[-1][0], out[-1][1] + char)
    return out


def _draw_mark(
    pen: PIL.ImageDraw.ImageDraw, mark: str, middle: float, px: int, *, capital: bool
) -> None:
    """Draw an accent centred at `middle` above a letter of size `px`."""
    foot = px * ((_CAPITAL_TOP if capital else _SMALL_TOP) - _MARK_GAP)
    thick = px * _MARK_WEIGHT
    reach = px * 0.11
    if mark in (_ACUTE, _GRAVE):
        lean = 1 if mark == _ACUTE else -1
        # A stroke that widens upwards, as in the font's own apostrophe.
        low, high = middle - lean * reach * 0.55, middle + lean * reach * 0.75
        pen.polygon(
            [
                (low - thick * 0.45, foot),
                (low + thick * 0.45, foot),
                (high + thick * 0.75, foot - reach),
                (high - thick * 0.75, foot - reach),
            ],
            fill=255,
        )
    elif mark == _DIAERESIS:
        radius = thick * 0.72
        for side in (-reach, reach):
            at, y = middle + side, foot - reach * 0.55
            pen.ellipse((at - radius, y - radius, at + radius, y + radius), fill=255)
    else:
        # Two joined arcs: one period of a sine.
        wave = [
            (middle + reach * 1.5 * t, foot - reach * (0.75 + 0.36 * math.sin(-math.pi * t)))
            for t in (i / 12 for i in range(-12, 13))
        ]
        for x, y in wave:
            half = thick * 0.4
            pen.ellipse((x - half, y - half, x + half, y + half), fill=255)


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
