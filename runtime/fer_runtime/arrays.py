"""The arrays that go through the runtime, by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture: (H, W, 3) uint8 BGR, or (H, W) uint8 grey."""

Box = tuple[float, float, float, float]
"""x, y, w, h in pixels of the frame; x and y may lie outside it."""
