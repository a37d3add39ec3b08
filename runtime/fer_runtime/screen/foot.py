"""What stands at the foot of the window: the legend of colours and the operator's notice."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from ..arrays import Image
from ..labels import COLORS_BGR, EMOTIONS, label_name
from ..settings.screen import WindowSettings
from .text import TextPainter, shade

_WHITE = (255, 255, 255)
# Part of the canvas's height that the notice may take before it is written smaller.
_NOTICE_PART = 0.4
_SMALLEST_PX = 12


@dataclass(frozen=True)
class Foot:
    """Legend above notice, laid out for one canvas, so that labels can keep off them."""

    top: int
    """Where it begins; the canvas's height if there is nothing."""
    legend: tuple[tuple[tuple[str, int], ...], ...]
    """Rows of emotions, each with its left edge in pixels."""
    legend_px: int
    notice: tuple[str, ...]
    """Lines."""
    notice_px: int

    def draw(self, painter: TextPainter, canvas: Image, language: str) -> None:
        """Draw it on (H, W, 3) uint8 BGR, in place."""
        height, width = canvas.shape[:2]
        if self.top >= height:
            return
        shade(canvas, 0, self.top, width, height, 0.72)
        px, y = self.legend_px, self.top
        for row in self.legend:
            for emotion, x in row:
                corner = (x, y + round(px * 0.35))
                end = (x + round(px * 0.9), y + round(px * 1.2))
                cv2.rectangle(canvas, corner, end, COLORS_BGR[emotion], cv2.FILLED)
                name = label_name(emotion, language)
                painter.draw(canvas, name, x + round(px * 1.3), y + px // 8, px, _WHITE)
            y += round(px * 1.6)
        px = self.notice_px
        for i, line in enumerate(self.notice):
            x = (width - painter.size(line, px)[0]) // 2
            painter.draw(canvas, line, x, y + px // 4 + i * round(px * 1.45), px, _WHITE)


def lay_out(painter: TextPainter, window: WindowSettings, shape: tuple[int, int], px: int) -> Foot:
    """Lay out the foot of a canvas of `shape` (height, width); `px` is the size of labels."""
    height, width = shape
    top = height
    notice: list[str] = []
    notice_px = max(_SMALLEST_PX, round(px * 0.85))
    while window.notice:
        notice = painter.wrap(window.notice, notice_px, width - 2 * notice_px)
        notice_h = round(notice_px * 1.45) * len(notice) + notice_px // 2
        if notice_px <= _SMALLEST_PX or notice_h <= height * _NOTICE_PART:
            top -= notice_h
            break
        notice_px -= 1
    rows: list[list[tuple[str, int]]] = []
    legend_px = max(11, round(px * 0.72))
    if window.legend:
        used = width
        for emotion in EMOTIONS:
            name = label_name(emotion, window.language)
            item_w = painter.size(name, legend_px)[0] + round(legend_px * 2.2)
            if used + item_w > width:
                rows.append([])
                used = legend_px
            rows[-1].append((emotion, used))
            used += item_w
        top -= round(legend_px * 1.6) * len(rows)
    return Foot(top, tuple(tuple(row) for row in rows), legend_px, tuple(notice), notice_px)
