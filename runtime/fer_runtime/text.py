"""Text on frames: Pillow's built-in font, accents composed by us, every sprite cached.

OpenCV's putText knows ASCII only, and the font inside Pillow lacks accented letters; relying
on the system's fonts would make each kiosk look different. So an accented letter is drawn as
its base letter with the mark above it.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

from .preprocess import Image

Alpha = NDArray[np.uint8]
_CACHE_SIZE = 512
# Where small letters without ascenders begin, from the top of the line, in font sizes.
_X_HEIGHT_TOP = 0.38
_ACUTE, _GRAVE, _TILDE, _DIAERESIS = "\u0301", "\u0300", "\u0303", "\u0308"
_MARKS = (_ACUTE, _GRAVE, _TILDE, _DIAERESIS)
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
        """Return width and height of a line of text in pixels."""
        h, w = self.sprite(text, px).shape
        return w, h

    def draw(
        self, image: Image, text: str, x: int, y: int, px: int, color: tuple[int, int, int]
    ) -> None:
        """Draw a line with its top left corner at (x, y), in place; clipped at the borders."""
        blend(image, self.sprite(text, px), x, y, color)

    def wrap(self, text: str, px: int, width: int) -> list[str]:
        """Break a text into lines of at most `width` pixels at its spaces."""
        lines: list[str] = []
        for paragraph in text.splitlines():
            line = ""
            # Not split(): a no-break space keeps a number and its unit together.
            for word in filter(None, paragraph.split(" ")):
                longer = f"{line} {word}".strip()
                if line and self.size(longer, px)[0] > width:
                    lines.append(line)
                    line = word
                else:
                    line = longer
            lines.append(line)
        return lines

    def _font(self, px: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
        if px not in self._fonts:
            self._fonts[px] = PIL.ImageFont.load_default(px)
        return self._fonts[px]

    def _render(self, text: str, px: int) -> Alpha:
        font = self._font(px)
        height = round(px * 1.3)
        width = round(px * (len(text) + 1))
        canvas = PIL.Image.new("L", (max(1, width), height), 0)
        pen = PIL.ImageDraw.Draw(canvas)
        x = 0.0
        for plain, marks in _letters(text.translate(_SUBSTITUTES)):
            if plain in "¿¡" and plain:
                step = self._turned(canvas, "?" if plain == "¿" else "!", x, px)
            else:
                step = font.getlength(plain)
                # Twice, a little apart: the font is thin on a moving picture.
                # In whole pixels, or some letters would come out bolder than others.
                for nudge in (0, max(1, round(px / 28))):
                    pen.text((round(x) + nudge, 0), plain, font=font, fill=255)
                if marks and plain == "i":  # the mark takes the place of the dot
                    top = round(px * _X_HEIGHT_TOP)
                    pen.rectangle((round(x), 0, round(x + step + px / 28), top), fill=0)
                for mark in marks:
                    _draw_mark(pen, mark, x, step, px, plain)
                step += px / 60
            x += step
        used = max(1, min(canvas.width, round(x + px * 0.06)))
        return np.asarray(canvas, np.uint8)[:, :used].copy()

    def _turned(self, canvas: PIL.Image.Image, letter: str, x: float, px: int) -> float:
        """Draw a letter upside down, as Spanish opens a question."""
        font = self._font(px)
        width = font.getlength(letter)
        glyph = PIL.Image.new("L", (max(1, round(width)), round(px * 1.3)), 0)
        PIL.ImageDraw.Draw(glyph).text((0, 0), letter, font=font, fill=255)
        canvas.paste(glyph.rotate(180), (round(x), round(px * 0.1)))
        return float(width)


def _letters(text: str) -> list[tuple[str, str]]:
    """Part a text into letters with the marks that stand above them."""
    out: list[tuple[str, str]] = []
    for char in unicodedata.normalize("NFD", text):
        if char in _MARKS and out:
            out[-1] = (out[-1][0], out[-1][1] + char)
        else:
            out.append((char, ""))
    return out


def _draw_mark(
    pen: PIL.ImageDraw.ImageDraw, mark: str, x: float, width: float, px: int, letter: str
) -> None:
    """Draw an accent over a letter that stands at `x` and is `width` pixels wide."""
    middle = x + width / 2
    # Top of a small letter and of a capital, in font sizes.
    top = px * (0.16 if letter.isupper() else 0.32)
    thick = max(1, round(px / 11))
    reach = px * 0.13
    if mark == _ACUTE:
        pen.line((middle - reach * 0.4, top, middle + reach * 0.9, top - reach), 255, thick)
    elif mark == _GRAVE:
        pen.line((middle + reach * 0.4, top, middle - reach * 0.9, top - reach), 255, thick)
    elif mark == _DIAERESIS:
        r = thick * 0.7
        for side in (-reach, reach):
            at = (middle + side - r, top - reach / 2 - r, middle + side + r, top - reach / 2 + r)
            pen.ellipse(at, fill=255)
    else:
        wave = [
            (middle - 1.3 * reach, top - 0.15 * reach),
            (middle - 0.6 * reach, top - 0.75 * reach),
            (middle + 0.6 * reach, top - 0.25 * reach),
            (middle + 1.3 * reach, top - 0.85 * reach),
        ]
        pen.line(wave, 255, thick, joint="curve")


def blend(image: Image, alpha: Alpha, x: int, y: int, color: tuple[int, int, int]) -> None:
    """Lay a colour over (H, W, 3) `image` where `alpha` (h, w) says, clipped, in place."""
    x0, y0 = max(0, x), max(0, y)
    x1 = min(image.shape[1], x + alpha.shape[1])
    y1 = min(image.shape[0], y + alpha.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = image[y0:y1, x0:x1]
    a = alpha[y0 - y : y1 - y, x0 - x : x1 - x, np.newaxis].astype(np.uint16)
    ink = np.array(color, np.uint16)
    part[:] = ((part * (255 - a) + ink * a + 127) // 255).astype(np.uint8)


def shade(image: Image, x0: int, y0: int, x1: int, y1: int, strength: float = 0.6) -> None:
    """Darken a rectangle in place, so that light text on it can be read on any picture."""
    x0, y0 = max(0, x0), max(0, y0)
    part = image[y0 : max(y0, y1), x0 : max(x0, x1)]
    part[:] = (part * np.float32(1 - strength)).astype(np.uint8)


def ink_on(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return black or white, whichever reads better on a BGR colour (Rec. 601 luma)."""
    b, g, r = color
    return (0, 0, 0) if 0.114 * b + 0.587 * g + 0.299 * r > 125 else (255, 255, 255)
