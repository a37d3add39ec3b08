"""A drawing in SVG: the handful of marks that the plots are made of, styled by the page's CSS."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .css import PLOT_CSS, PLOT_LIGHT
from .style import Canvas

HATCH_PATTERN: Final = (
    '<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path d="M0 0V5" stroke="#fff" stroke-opacity=".8" '
    'stroke-width="1.8"/></pattern>'
)
"""What a hatched bar is filled with a second time; once on a page, for all its drawings."""


class Drawing:
    """Marks on a canvas, in the canvas's units; y grows downwards.

    Parameters
    ----------
    canvas
        Its width and size of text.
    height
        Its height.
    """

    def __init__(self, canvas: Canvas, height: float) -> None:
        self.canvas, self.height = canvas, height
        self._marks: list[str] = []

    def path(self, d: str, kind: str = "", **attributes: Any) -> None:
        """Add a path; nothing where `d` is empty."""
        if d:
            self._marks.append(f'<path{_class(kind)}{_attributes(attributes)} d="{d}"/>')

    def line(self, x: Sequence[float], y: Sequence[float], kind: str, **attributes: Any) -> None:
        """Add a line through points."""
        points = "L".join(f"{number(a)} {number(b)}" for a, b in zip(x, y, strict=True))
        self.path(f"M{points}", kind, **attributes)

    def boxes(self, boxes: NDArray[np.float64], kind: str = "", **attributes: Any) -> None:
        """Add boxes, (n, 4): left, top, right, bottom, as one mark; those without area not."""
        self.path(
            "".join(
                f"M{number(x)} {number(y)}H{number(r)}V{number(b)}H{number(x)}z"
                for x, y, r, b in boxes.tolist()
                if r > x and b > y
            ),
            kind,
            **attributes,
        )

    def text(self, x: float, y: float, text: str, kind: str = "", at: str = "start",
             turn: float = 0.0) -> None:  # fmt: skip
        """Add a text on its base line; ``at`` says which part of it is at `x`."""
        anchor = "" if at == "start" else f' text-anchor="{at}"'
        place = f' x="{number(x)}" y="{number(y)}"'
        if turn:
            place = f' transform="translate({number(x)} {number(y)}) rotate({number(turn)})"'
        self._marks.append(f"<text{_class(kind)}{place}{anchor}>{escape(text)}</text>")

    def text_width(self, text: str) -> float:
        """Return about how wide a text is; rather too much, for the font is the reader's."""
        return 0.6 * self.canvas.font * len(text)

    def inline(self, kind: str) -> str:
        """Return it for a page that has `PLOT_CSS` and `HATCH_PATTERN`."""
        size = f"0 0 {number(self.canvas.width)} {number(self.height)}"
        return (
            f'<svg class="{kind}" viewBox="{size}" aria-hidden="true" '
            f'font-size="{number(self.canvas.font)}">{"".join(self._marks)}</svg>'
        )

    def file(self, title: str) -> bytes:
        """Return it as a file that stands alone, on white."""
        width, height = number(self.canvas.width), number(self.height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-size="{number(self.canvas.font)}">\n'
            f"<title>{escape(title)}</title>\n"
            f"<style>\nsvg {{ {PLOT_LIGHT} }}\n{PLOT_CSS}</style>\n<defs>{HATCH_PATTERN}</defs>\n"
            f'<rect width="{width}" height="{height}" fill="#fff"/>\n'
            + "\n".join(self._marks)
            + "\n</svg>\n"
        ).encode()


def number(value: float) -> str:
    """Return a coordinate to a tenth, as short as it can be written."""
    return f"{round(float(value), 1) + 0.0:.7g}"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _attributes(values: dict[str, Any]) -> str:
    return "".join(f' {k.replace("_", "-")}="{v}"' for k, v in values.items())
