"""Where labels and panels go: rectangles on a canvas that cover each other as little as may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Rectangle = tuple[int, int, int, int]
"""x, y, w, h in pixels of the canvas."""


def common(a: Rectangle, b: Rectangle) -> int:
    """Return the area in pixels that two rectangles have in common."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return w * h if w > 0 and h > 0 else 0


def label_places(box: Rectangle, size: tuple[int, int], gap: int) -> list[tuple[int, int]]:
    """Return where a label of `size` (w, h) may go, the best first, as left and top.

    Above the box, flush with its left or right side; below it; beside it; inside it.
    """
    x, y, w, h = box
    lw, lh = size
    left, right = x - gap // 2, x + w + gap // 2 - lw
    return [
        (left, y - lh - gap),
        (right, y - lh - gap),
        (left, y + h + gap),
        (right, y + h + gap),
        (x + w + gap, y),
        (x - gap - lw, y),
        (left, y + gap),
        (left, y + h - lh - gap),
    ]


def panel_places(box: Rectangle, size: tuple[int, int], gap: int) -> list[tuple[int, int]]:
    """Return where a panel of `size` (w, h) may go: right, left, below or above the box."""
    x, y, w, h = box
    pw, ph = size
    # Above, a label lies between the panel and the box.
    below, above = y + h + gap, y - ph - 4 * gap
    return [
        (x + w + gap, y),
        (x - gap - pw, y),
        *((left, top) for top in (below, above) for left in (x, x + w - pw)),
    ]


def place(
    canvas: tuple[int, int],
    size: tuple[int, int],
    places: Sequence[tuple[int, int]],
    taken: Iterable[Rectangle],
    prefer: int = 0,
) -> tuple[int, Rectangle, int]:
    """Choose the place that covers nothing, or else the least.

    Parameters
    ----------
    canvas
        Height and width.
    size
        Width and height of what is placed.
    places
        Left and top of each place, the best first; each is moved onto the canvas.
    taken
        What should stay visible.
    prefer
        Index of the place that is tried first, such as the one of the frame before: what is
        drawn then jumps less.

    Returns
    -------
    Index of the place, the rectangle, and the pixels of `taken` that it covers.
    """
    height, width = canvas
    w, h = size
    taken = list(taken)
    best: tuple[int, Rectangle, int] | None = None
    for i in sorted(range(len(places)), key=lambda i: i != prefer):
        left = min(max(0, places[i][0]), max(0, width - w))
        top = min(max(0, places[i][1]), max(0, height - h))
        spot = (left, top, w, h)
        covered = sum(common(spot, other) for other in taken)
        if best is None or covered < best[2]:
            best = (i, spot, covered)
        if covered == 0:
            break
    if best is None:
        raise ValueError("places: expected at least one, received none")
    return best
