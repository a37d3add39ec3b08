"""Draws readings on a frame: boxes, labels, bars, rates, legend, notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .labels import COLORS_BGR, EMOTIONS, label_name
from .preprocess import Image
from .reading import FaceReading
from .settings import PrivacySettings, WindowSettings
from .text import TextPainter, ink_on, shade

_WHITE = (255, 255, 255)
_GREY = (200, 200, 200)
_BLACK = (0, 0, 0)

Rectangle = tuple[int, int, int, int]
"""x, y, w, h in pixels of the canvas."""


@dataclass(frozen=True)
class ViewInfo:
    """What the window shows beside the readings."""

    fps: float = 0.0
    """Processed frames a second."""
    processing_ms: float = 0.0
    """Time that the shown frame took, in milliseconds."""
    frame_age_ms: float | None = None
    """Time since the shown frame was captured; None where that means nothing (a file)."""
    chosen: int | None = None
    """face_id that keys 1-7 speak of; None for none."""
    message: str = ""
    """A short remark, such as the answer to a key."""


class Overlay:
    """Draws on frames; all text sizes follow the frame's smaller side.

    Parameters
    ----------
    window, privacy
        Language, bars, legend, notice, mirror, font scale; blur.
    """

    def __init__(self, window: WindowSettings, privacy: PrivacySettings) -> None:
        self.window, self.privacy = window, privacy
        self.painter = TextPainter()

    def draw(
        self,
        frame: Image,
        readings: Sequence[FaceReading],
        info: ViewInfo,
        size: tuple[int, int] | None = None,
    ) -> Image:
        """Return a new picture; the frame itself stays as it is.

        Parameters
        ----------
        frame
            (H, W, 3) uint8 BGR.
        readings
            Faces of this frame.
        info
            Rates and remarks.
        size
            Height and width of the result; the frame is fitted in without distortion. None
            keeps the frame's size.

        Returns
        -------
        (H', W', 3) uint8 BGR.
        """
        canvas, scale, left, top = fit(frame, size)
        inner = canvas[top : top + round(frame.shape[0] * scale),
                       left : left + round(frame.shape[1] * scale)]  # fmt: skip
        boxes = [tuple(round(v * scale) for v in r.box) for r in readings]
        if self.privacy.blur_faces:
            for x, y, w, h in boxes:
                pixelate(inner, x, y, w, h)
        if self.window.mirror:
            inner[:] = cv2.flip(inner, 1)
            boxes = [(inner.shape[1] - x - w, y, w, h) for x, y, w, h in boxes]
        px = self.font_px(canvas)
        # The nearest face is drawn last, over the others.
        order = sorted(range(len(boxes)), key=lambda i: boxes[i][2] * boxes[i][3])
        placed = [(x + left, y + top, w, h) for x, y, w, h in boxes]
        for i in order:
            self._face(canvas, readings[i], placed[i], px, info.chosen)
        if self.window.bars:
            taken = list(placed)
            for i in reversed(order):
                taken.append(self._bars(canvas, readings[i], placed[i], px, taken))
        foot = self._notice(canvas, px)
        if self.window.legend:
            foot = self._legend(canvas, px, foot)
        self._rates(canvas, info, px)
        if info.message:
            self._message(canvas, info.message, px, foot)
        return canvas

    def font_px(self, canvas: Image) -> int:
        """Return the size of text on a canvas: about a twenty-sixth of its smaller side."""
        h, w = canvas.shape[:2]
        return max(12, round(min(h, w * 0.75) / 24 * self.window.font_scale))

    def _face(
        self,
        canvas: Image,
        reading: FaceReading,
        box: Rectangle,
        px: int,
        chosen: int | None,
    ) -> None:
        x, y, w, h = box
        color = COLORS_BGR[reading.emotion]
        line = max(2, px // 9)
        # A dark rim keeps yellow readable on white and blue on black.
        cv2.rectangle(canvas, (x, y), (x + w, y + h), _BLACK, line + 2)
        cv2.rectangle(canvas, (x, y), (x + w, y + h), color, line)
        if reading.face_id == chosen:
            gap = line + 3
            cv2.rectangle(canvas, (x - gap, y - gap), (x + w + gap, y + h + gap), _WHITE, 2)
        text = f"{label_name(reading.emotion, self.window.language)} {reading.confidence:.0%}"
        tw, th = self.painter.size(text, px)
        pad = px // 4
        plate_w, plate_h = tw + 2 * pad, th + pad
        height, width = canvas.shape[:2]
        # Above the box; where the frame ends, below it; where that ends too, inside.
        top = y - plate_h - line
        if top < 0:
            top = y + h + line if y + h + line + plate_h <= height else max(0, y + line)
        left = min(max(0, x - line // 2), max(0, width - plate_w))
        cv2.rectangle(canvas, (left, top), (left + plate_w, top + plate_h), color, cv2.FILLED)
        self.painter.draw(canvas, text, left + pad, top + pad // 2, px, ink_on(color))

    def _bars(
        self,
        canvas: Image,
        reading: FaceReading,
        box: Rectangle,
        px: int,
        taken: list[Rectangle],
    ) -> Rectangle:
        """Draw seven bars beside the box, off what is `taken`; return where."""
        small = max(11, round(px * 0.72))
        names = [label_name(e, self.window.language) for e in EMOTIONS]
        name_w = max(self.painter.size(n, small)[0] for n in names)
        number_w = self.painter.size("100%", small)[0]
        row, pad, bar_w = round(small * 1.45), small // 2, small * 5
        panel_w = name_w + bar_w + number_w + 4 * pad
        panel_h = row * len(EMOTIONS) + pad
        left, top = free_place(canvas.shape[:2], box, (panel_w, panel_h), px // 2, taken)
        shade(canvas, left, top, left + panel_w, top + panel_h, 0.68)
        for i, (emotion, name) in enumerate(zip(EMOTIONS, names, strict=True)):
            p = reading.smoothed[i]
            line_y = top + pad // 2 + i * row
            shown = emotion == reading.emotion
            self.painter.draw(canvas, name, left + pad, line_y, small, _WHITE if shown else _GREY)
            bar_x = left + name_w + 2 * pad
            bar_y0, bar_y1 = line_y + small // 4, line_y + small
            cv2.rectangle(canvas, (bar_x, bar_y0), (bar_x + bar_w, bar_y1), (70, 70, 70), -1)
            end = bar_x + round(bar_w * p)
            if end > bar_x:
                cv2.rectangle(canvas, (bar_x, bar_y0), (end, bar_y1), COLORS_BGR[emotion], -1)
            number = f"{p:.0%}"
            at = left + panel_w - pad - self.painter.size(number, small)[0]
            self.painter.draw(canvas, number, at, line_y, small, _WHITE if shown else _GREY)
        return (left, top, panel_w, panel_h)

    def _rates(self, canvas: Image, info: ViewInfo, px: int) -> None:
        small = max(11, round(px * 0.72))
        text = f"{info.fps:.0f} FPS   {info.processing_ms:.0f} ms"
        if info.frame_age_ms is not None:
            word = "edad" if self.window.language == "es" else "age"
            text += f"   {word} {min(info.frame_age_ms, 9999):.0f} ms"
        self._plate(canvas, text, small // 2, small // 2, small)

    def _message(self, canvas: Image, text: str, px: int, foot: int) -> None:
        w, h = self.painter.size(text, px)
        x = (canvas.shape[1] - w) // 2
        self._plate(canvas, text, x - px // 2, foot - h - px, px)

    def _plate(self, canvas: Image, text: str, x: int, y: int, px: int) -> None:
        w, h = self.painter.size(text, px)
        shade(canvas, x, y, x + w + px, y + h + px // 3)
        self.painter.draw(canvas, text, x + px // 2, y + px // 6, px, _WHITE)

    def _legend(self, canvas: Image, px: int, foot: int) -> int:
        """Draw the colours with their names above `foot`; return the new foot."""
        small = max(11, round(px * 0.72))
        rows: list[list[tuple[str, str, int]]] = [[]]
        used = small
        for emotion in EMOTIONS:
            name = label_name(emotion, self.window.language)
            item_w = self.painter.size(name, small)[0] + round(small * 2.4)
            if used + item_w > canvas.shape[1] and rows[-1]:
                rows.append([])
                used = small
            rows[-1].append((emotion, name, used))
            used += item_w
        row_h = round(small * 1.6)
        top = foot - row_h * len(rows)
        shade(canvas, 0, top, canvas.shape[1], foot)
        for i, row in enumerate(rows):
            y = top + i * row_h + small // 5
            for emotion, name, x in row:
                corner = (x, y + small // 4)
                cv2.rectangle(canvas, corner, (x + small, y + small), COLORS_BGR[emotion], -1)
                self.painter.draw(canvas, name, x + round(small * 1.4), y, small, _WHITE)
        return top

    def _notice(self, canvas: Image, px: int) -> int:
        """Draw the operator's notice at the foot; return the height where it begins."""
        height, width = canvas.shape[:2]
        if not self.window.notice:
            return height
        small = max(12, round(px * 0.85))
        lines = self.painter.wrap(self.window.notice, small, width - 2 * small)
        row_h = round(small * 1.45)
        top = height - row_h * len(lines) - small // 2
        shade(canvas, 0, top, width, height, 0.72)
        for i, line in enumerate(lines):
            x = (width - self.painter.size(line, small)[0]) // 2
            self.painter.draw(canvas, line, x, top + small // 4 + i * row_h, small, _WHITE)
        return top


def free_place(
    canvas: tuple[int, ...],
    box: Rectangle,
    panel: tuple[int, int],
    gap: int,
    taken: list[Rectangle],
) -> tuple[int, int]:
    """Return left and top of a panel beside `box`: right, left, below or above.

    The first place on the canvas that covers nothing; else the one that covers least.
    """
    x, y, w, h = box
    pw, ph = panel
    below, above = y + h + gap, y - ph - 3 * gap
    places = [(x + w + gap, y), (x - gap - pw, y)]
    places += [(left, top) for top in (below, above) for left in (x, x + w - pw)]
    best, least = (0, 0), float("inf")
    for left, top in places:
        left = min(max(0, left), max(0, canvas[1] - pw))
        top = min(max(0, top), max(0, canvas[0] - ph))
        covered = sum(_common(tx, tw, left, pw) * _common(ty, th, top, ph)
                      for tx, ty, tw, th in taken)  # fmt: skip
        if covered < least:
            best, least = (left, top), covered
    return best


def _common(a: int, length_a: int, b: int, length_b: int) -> int:
    return max(0, min(a + length_a, b + length_b) - max(a, b))


def fit(frame: Image, size: tuple[int, int] | None) -> tuple[Image, float, int, int]:
    """Copy a frame onto a canvas of `size`, as large as fits, with dark borders.

    Returns
    -------
    The canvas, the scale, and where the frame's left and top edges are on it.
    """
    h, w = frame.shape[:2]
    if size is None or size == (h, w):
        return frame.copy(), 1.0, 0, 0
    scale = min(size[0] / h, size[1] / w)
    new_h, new_w = max(1, round(h * scale)), max(1, round(w * scale))
    canvas = np.full((*size, 3), 24, np.uint8)
    left, top = (size[1] - new_w) // 2, (size[0] - new_h) // 2
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + new_h, left : left + new_w] = cv2.resize(
        frame, (new_w, new_h), interpolation=how
    )
    return canvas, scale, left, top


def pixelate(image: Image, x: int, y: int, w: int, h: int, blocks: int = 7) -> None:
    """Make a face unrecognisable in place: the box and a fifth around it, in coarse squares."""
    mx, my = round(w * 0.2), round(h * 0.2)
    x0, y0 = max(0, x - mx), max(0, y - my)
    part = image[y0 : max(0, y + h + my), x0 : max(0, x + w + mx)]
    if part.size == 0:
        return
    small = cv2.resize(part, (blocks, blocks), interpolation=cv2.INTER_AREA)
    back = (part.shape[1], part.shape[0])
    part[:] = cv2.resize(small, back, interpolation=cv2.INTER_NEAREST)
