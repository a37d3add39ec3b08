"""Draws readings on a frame: boxes, labels, bars, rates, legend, notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Image
from ..labels import COLORS_BGR, EMOTIONS, label_name
from ..reading import FaceReading
from ..settings.screen import PrivacySettings, WindowSettings
from .foot import lay_out
from .hiding import FaceHider, pixelate
from .layout import Rectangle, label_places, panel_places, place
from .text import TextPainter, ink_on, shade

_WHITE = (255, 255, 255)
_GREY = (200, 200, 200)
_BLACK = (0, 0, 0)
_TRACK = (70, 70, 70)


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
    time_s: float = 0.0
    """Time of the shown frame in seconds."""


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
        self._hider = FaceHider()
        self._sides: dict[int, int] = {}

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
        if self.privacy.blur_faces:
            for area in self._hider.areas(readings, info.time_s):
                pixelate(inner, _scaled(area, scale))
        boxes = [_scaled(r.box, scale) for r in readings]
        if self.window.mirror:
            inner[:] = cv2.flip(inner, 1)
            boxes = [(inner.shape[1] - x - w, y, w, h) for x, y, w, h in boxes]
        boxes = [(x + left, y + top, w, h) for x, y, w, h in boxes]
        px = self.font_px(canvas)
        foot = lay_out(self.painter, self.window, _shape(canvas), px)
        rates = self._rates(canvas, info, px)
        taken = [rates, (0, foot.top, canvas.shape[1], canvas.shape[0] - foot.top), *boxes]
        # The nearest face takes its place first and is drawn last, over the others.
        order = sorted(range(len(boxes)), key=lambda i: -boxes[i][2] * boxes[i][3])
        for i in reversed(order):
            self._box(canvas, readings[i], boxes[i], px, readings[i].face_id == info.chosen)
        labels = {}
        for i in order:
            labels[i] = self._label_spot(canvas, readings[i], boxes[i], px, taken)
            taken.append(labels[i])
        if self.window.bars:
            self._panels(canvas, [(readings[i], boxes[i]) for i in order], px, info.chosen, taken)
        for i in reversed(order):
            self._label(canvas, readings[i], labels[i], px)
        foot.draw(self.painter, canvas, self.window.language)
        if info.message:
            self._message(canvas, info.message, px, foot.top)
        return canvas

    def font_px(self, canvas: Image) -> int:
        """Return the size of text on a canvas: a twenty-fourth of its smaller side, about."""
        h, w = canvas.shape[:2]
        return max(12, round(min(h, w * 0.9) / 24 * self.window.font_scale))

    def _box(
        self, canvas: Image, reading: FaceReading, box: Rectangle, px: int, chosen: bool
    ) -> None:
        x, y, w, h = box
        line = max(2, px // 9)
        # A dark rim keeps yellow readable on white and blue on black.
        cv2.rectangle(canvas, (x, y), (x + w, y + h), _BLACK, line + 2)
        cv2.rectangle(canvas, (x, y), (x + w, y + h), COLORS_BGR[reading.emotion], line)
        if chosen:
            gap = line + 3
            cv2.rectangle(canvas, (x - gap, y - gap), (x + w + gap, y + h + gap), _WHITE, 2)

    def _label_text(self, reading: FaceReading) -> str:
        name = label_name(reading.emotion, self.window.language)
        return f"{name} {_percent(reading.confidence)}"

    def _label_spot(
        self,
        canvas: Image,
        reading: FaceReading,
        box: Rectangle,
        px: int,
        taken: list[Rectangle],
    ) -> Rectangle:
        w, h = self.painter.size(self._label_text(reading), px)
        size = (w + 2 * (px // 3), h + px // 6)
        return place(_shape(canvas), size, label_places(box, size, max(2, px // 9)), taken)[1]

    def _label(self, canvas: Image, reading: FaceReading, spot: Rectangle, px: int) -> None:
        """Write the emotion in words on its colour."""
        x, y, w, h = spot
        color = COLORS_BGR[reading.emotion]
        cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), color, cv2.FILLED)
        text = self._label_text(reading)
        self.painter.draw(canvas, text, x + px // 3, y + px // 12, px, ink_on(color))

    def _panels(
        self,
        canvas: Image,
        faces: Sequence[tuple[FaceReading, Rectangle]],
        px: int,
        chosen: int | None,
        taken: list[Rectangle],
    ) -> None:
        """Draw the bars of every face that has room for them, and of the chosen one always."""
        small = max(11, round(px * 0.72))
        columns = self._panel_columns(small)
        size = (sum(columns) + 4 * (small // 2), round(small * 1.45) * len(EMOTIONS) + small // 2)
        ids = [reading.face_id for reading, _ in faces]
        first = chosen if chosen in ids else (ids[0] if ids else None)
        sides = {}
        for reading, box in sorted(faces, key=lambda f: f[0].face_id != first):
            side, spot, covered = place(
                _shape(canvas),
                size,
                panel_places(box, size, px // 2),
                taken,
                prefer=self._sides.get(reading.face_id, 0),
            )
            if covered and reading.face_id != first:
                continue
            sides[reading.face_id] = side
            taken.append(spot)
            self._panel(canvas, reading, spot, small, columns)
        self._sides = sides

    def _panel_columns(self, small: int) -> tuple[int, int, int]:
        """Return the widths of name, bar and number."""
        names = [label_name(e, self.window.language) for e in EMOTIONS]
        name_w = max(self.painter.size(n, small)[0] for n in names)
        return name_w, small * 5, self.painter.size(_percent(1.0), small)[0]

    def _panel(
        self,
        canvas: Image,
        reading: FaceReading,
        spot: Rectangle,
        small: int,
        columns: tuple[int, int, int],
    ) -> None:
        left, top, width, height = spot
        name_w, bar_w, _ = columns
        pad = small // 2
        shade(canvas, left, top, left + width, top + height, 0.68)
        bar_x = left + name_w + 2 * pad
        for i, emotion in enumerate(EMOTIONS):
            p = reading.smoothed[i]
            y = top + pad // 2 + i * round(small * 1.45)
            ink = _WHITE if emotion == reading.emotion else _GREY
            name = label_name(emotion, self.window.language)
            self.painter.draw(canvas, name, left + pad, y, small, ink)
            y0, y1 = y + round(small * 0.35), y + round(small * 1.05)
            cv2.rectangle(canvas, (bar_x, y0), (bar_x + bar_w, y1), _TRACK, cv2.FILLED)
            end = bar_x + round(bar_w * p)
            if end > bar_x:
                cv2.rectangle(canvas, (bar_x, y0), (end, y1), COLORS_BGR[emotion], cv2.FILLED)
            number = _percent(p)
            at = left + width - pad - self.painter.size(number, small)[0]
            self.painter.draw(canvas, number, at, y, small, ink)

    def _rates(self, canvas: Image, info: ViewInfo, px: int) -> Rectangle:
        small = max(11, round(px * 0.72))
        text = f"{info.fps:.0f} FPS   {info.processing_ms:.0f} ms"
        if info.frame_age_ms is not None:
            word = "edad" if self.window.language == "es" else "age"
            text += f"   {word} {min(info.frame_age_ms, 9999):.0f} ms"
        return self._plate(canvas, text, small // 2, small // 2, small)

    def _message(self, canvas: Image, text: str, px: int, foot: int) -> None:
        lines = self.painter.wrap(text, px, canvas.shape[1] - 2 * px)
        row_h = round(px * 1.6)
        for i, line in enumerate(lines):
            x = (canvas.shape[1] - self.painter.size(line, px)[0] - px) // 2
            self._plate(canvas, line, x, foot - row_h * (len(lines) - i) - px // 2, px)

    def _plate(self, canvas: Image, text: str, x: int, y: int, px: int) -> Rectangle:
        w, h = self.painter.size(text, px)
        spot = (x, y, w + px, h + px // 3)
        shade(canvas, x, y, x + spot[2], y + spot[3])
        self.painter.draw(canvas, text, x + px // 2, y + px // 6, px, _WHITE)
        return spot


def _percent(value: float) -> str:
    """Write 0-1 as per cent, with a no-break space as both languages' standards ask for (SI)."""
    return f"{value * 100:.0f}\u00a0%"


def _scaled(box: Rectangle, scale: float) -> Rectangle:
    x, y, w, h = (round(v * scale) for v in box)
    return (x, y, w, h)


def _shape(canvas: Image) -> tuple[int, int]:
    return (canvas.shape[0], canvas.shape[1])


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
