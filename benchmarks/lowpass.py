"""The filter of version 0.1.0, kept to be compared with: a low-pass that hurries at changes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import EMOTIONS, UNCERTAIN

_TAU_S, _MARGIN, _THRESHOLD = 0.4, 0.2, 0.3
_FAST_S, _FREE, _HURRY = 0.065, 0.25, 12.0


@dataclass
class LowPass:
    """The shown label of one face."""

    slow: NDArray[np.float32] | None = None
    fast: NDArray[np.float32] | None = None
    time_s: float = 0.0
    label: str = UNCERTAIN

    def update(self, raw: NDArray[np.float32], now: float) -> str:
        """Take (7,) calibrated probabilities of the frame at `now` seconds; return the label."""
        if self.slow is None or self.fast is None:
            self.slow = self.fast = raw
        else:
            dt = now - self.time_s
            self.fast = self.fast + (1 - math.exp(-dt / _FAST_S)) * (raw - self.fast)
            peak = float(max(self.fast.max(), self.slow.max()))
            apart = 0.5 * float(np.abs(self.fast - self.slow).sum()) / peak
            hurry = 1.0 + _HURRY * max(0.0, apart - _FREE)
            self.slow = self.slow + (1 - math.exp(-dt * hurry / _TAU_S)) * (raw - self.slow)
        self.time_s = now
        best, floor = int(self.slow.argmax()), _THRESHOLD
        if self.label in EMOTIONS:
            held = EMOTIONS.index(self.label)
            if self.slow[held] > (1 - _MARGIN) * self.slow[best]:
                best = held
            floor = (1 - _MARGIN / 2) * _THRESHOLD
        self.label = EMOTIONS[best] if self.slow[best] >= floor else UNCERTAIN
        return self.label
