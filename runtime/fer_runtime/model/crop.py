"""THE way from a face box to the network's input; trainer, converter and runtime call this.

FER-2013's pictures show a square whose side is about the height of YuNet's face box, centred
on the box (measured on 3,000 training pictures: box height 1.00 of the side, centre at
0.50, 0.50). A network trained on them therefore wants that square, not the tight box.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import Box, Image

Color = Literal["gray", "rgb", "bgr"]

CROP_SIZE = 48
CROP_SCALE = 1.0


def crop_face(
    frame: Image,
    box: Box,
    *,
    scale: float = CROP_SCALE,
    size: tuple[int, int] = (CROP_SIZE, CROP_SIZE),
    color: Color = "gray",
    smooth: bool = True,
) -> Image:
    """Cut one face out of a frame.

    Parameters
    ----------
    frame
        (H, W, 3) uint8 BGR or (H, W) uint8 grey.
    box
        Face box x, y, w, h in pixels; only its centre and its height are used.
    scale
        Side of the square in box heights.
    size
        Height and width of the result in pixels.
    color
        ``gray`` gives (h, w) uint8; ``rgb`` and ``bgr`` give (h, w, 3) uint8.
    smooth
        Average areas where the face is larger than the result, which networks that read faces
        need; otherwise pixels are picked, which costs a tenth and is enough to find one again.

    Returns
    -------
    uint8 array of `size`. What lies outside the frame repeats the frame's border; a square
    wholly outside repeats the nearest edge.

    Raises
    ------
    ValueError
        If the frame is empty or has another shape or dtype, or the box has no height.
    """
    _check_frame(frame)
    x, y, w, h = box
    if not (h > 0 and w > 0 and np.isfinite([x, y, w, h]).all()):
        raise ValueError(f"face box: expected finite x, y and positive w, h; received {box}")
    side = max(1, round(h * scale))
    cx, cy = x + w / 2, y + h / 2
    square = _square(frame, round(cx - side / 2), round(cy - side / 2), side)
    square = _to_color(square, color)
    if square.shape[:2] == size:
        return np.ascontiguousarray(square)
    # Area averaging keeps a large face free of aliasing; it is no better than linear upwards.
    shrink = smooth and side >= max(size)
    return resize(square, size, cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)


def crop_picture(
    picture: Image,
    *,
    size: tuple[int, int] = (CROP_SIZE, CROP_SIZE),
    color: Color = "gray",
) -> Image:
    """Turn a picture that already shows one face, as FER-2013's do, into the network's crop.

    The whole picture is taken as the face box, so that 48×48 grey comes back unchanged.
    Shapes, dtypes and errors are those of `crop_face`.
    """
    _check_frame(picture)
    h, w = picture.shape[:2]
    return crop_face(picture, (0.0, 0.0, float(w), float(h)), size=size, color=color)


def to_model_input(
    crops: NDArray[np.uint8],
    *,
    multiply: float = 1.0,
    add: float = 0.0,
    dtype: Any = np.float32,
    quantization: tuple[float, int] = (0.0, 0),
) -> NDArray[Any]:
    """Stack crops into the tensor that the interpreter takes.

    Parameters
    ----------
    crops
        (N, h, w) or (N, h, w, C) uint8, 0–255.
    multiply, add
        The network sees ``pixel * multiply + add``; 1 and 0 for our own models, which hold
        their standardisation inside.
    dtype
        float32, int8 or uint8, the interpreter's input type.
    quantization
        (scale, zero point) of a quantised input: ``q = round(value / scale) + zero_point``
        (TensorFlow Lite 8-bit quantization specification).

    Returns
    -------
    (N, h, w, C) of `dtype`.
    """
    batch = crops if crops.ndim == 4 else crops[..., np.newaxis]  # (N, h, w) -> (N, h, w, 1)
    scale, zero_point = quantization
    if np.dtype(dtype) == np.float32:
        values = batch.astype(np.float32)
        if multiply != 1.0 or add != 0.0:
            values = values * np.float32(multiply) + np.float32(add)
        return values
    if scale == 0.0:
        return batch.astype(dtype)
    # 256 possible pixels: a table is exact and needs no float copy of the batch.
    info = np.iinfo(dtype)
    levels = (np.arange(256) * multiply + add) / scale + zero_point
    table = np.clip(np.rint(levels), info.min, info.max).astype(dtype)
    return np.asarray(table[batch])


def resize(image: Image, size: tuple[int, int], interpolation: int) -> Image:
    """Resize to (height, width) pixels with one of OpenCV's interpolations."""
    out = cv2.resize(image, (size[1], size[0]), interpolation=interpolation)
    return np.asarray(out, dtype=np.uint8)


def _check_frame(frame: Image) -> None:
    good = isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.size > 0
    if not good or not (frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 3)):
        received = f"{getattr(frame, 'dtype', type(frame).__name__)} {getattr(frame, 'shape', '')}"
        raise ValueError(f"frame: expected (H, W, 3) or (H, W) uint8, received {received}")


def _square(frame: Image, x0: int, y0: int, side: int) -> Image:
    """Cut a square at (x0, y0), repeating the frame's border where it reaches over it."""
    h, w = frame.shape[:2]
    x1, y1 = x0 + side, y0 + side
    if x0 >= 0 and y0 >= 0 and x1 <= w and y1 <= h:
        return frame[y0:y1, x0:x1]
    # At least one row and column of the frame stays inside, to have something to repeat.
    ix0, ix1 = min(max(x0, 0), w - 1), max(min(x1, w), 1)
    iy0, iy1 = min(max(y0, 0), h - 1), max(min(y1, h), 1)
    inner = frame[iy0:iy1, ix0:ix1]
    pad_l, pad_t = max(0, ix0 - x0), max(0, iy0 - y0)
    pad_r, pad_b = max(0, x1 - ix1), max(0, y1 - iy1)
    padded = cv2.copyMakeBorder(inner, pad_t, pad_b, pad_l, pad_r, cv2.BORDER_REPLICATE)
    return np.asarray(padded[:side, :side], dtype=np.uint8)


def _to_color(image: Image, color: Color) -> Image:
    """Convert BGR or grey to `color`."""
    if color == "gray":
        code = cv2.COLOR_BGR2GRAY if image.ndim == 3 else None
    elif color == "rgb":
        code = cv2.COLOR_BGR2RGB if image.ndim == 3 else cv2.COLOR_GRAY2RGB
    else:
        code = None if image.ndim == 3 else cv2.COLOR_GRAY2BGR
    return image if code is None else np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)
