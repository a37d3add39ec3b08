"""Labels of a step model, which waits for itself: hysteresis, and nothing that delays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..labels import EMOTIONS, UNCERTAIN
from ..settings.faces import SmoothingSettings
from .smoothing import choose_label, shown_probability

# As in `smoothing`: a claim is given up at this share of the threshold, so that it does not blink.
_GIVE_UP = 0.7


class Steady:
    """What stands in the place of `smoothing.Smoother` where the model remembers.

    A step model has weighed a burst against a change already; a filter behind it would wait a
    second time (docs/performance.md). So an emotion is held until another leads it by the share
    ``margin`` of its own probability, and the label is ``uncertain`` below ``threshold``;
    ``dwell_s``, ``evidence`` and ``mean_s`` are not used.
    """

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self.settings = settings or SmoothingSettings()
        self._held: dict[int, tuple[int, str]] = {}

    def reset(self) -> None:
        """Forget all faces."""
        self._held.clear()

    def keep_only(self, face_ids: set[int]) -> None:
        """Forget the faces that are gone."""
        for face_id in self._held.keys() - face_ids:
            del self._held[face_id]

    def update(
        self, face_id: int, raw: NDArray[np.float32], now: float
    ) -> tuple[str, float, NDArray[np.float32]]:
        """Take one reading; parameters and result are those of `smoothing.Smoother.update`."""
        s, best = self.settings, int(raw.argmax())
        if face_id not in self._held:
            held, label = best, choose_label(raw, s)
        else:
            held, shown = self._held[face_id]
            if raw[held] < (1 - s.margin) * raw[best]:
                held = best
            floor = s.threshold * (1.0 if shown == UNCERTAIN else _GIVE_UP)
            label = EMOTIONS[held] if raw[held] >= floor else UNCERTAIN
        self._held[face_id] = (held, label)
        return label, shown_probability(raw, label), raw
