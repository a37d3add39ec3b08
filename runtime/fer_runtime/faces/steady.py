"""Labels of a step model, which waits for itself: hysteresis, and nothing that delays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..labels import EMOTIONS, UNCERTAIN
from ..settings.faces import SmoothingSettings
from .smoothing import choose_label, shown_probability

# As in `smoothing`: `uncertain` goes by the mean of the held emotion's probability over about so
# long, and a claim is given up at this share of the threshold, so that it does not blink.
_SURE_S = 2.0
_GIVE_UP = 0.9


@dataclass
class _Face:
    held: int
    """Emotion that is held."""
    sure: float
    """Running mean of the held emotion's probability, whichever was held."""
    time_s: float
    label: str


class Steady:
    """What stands in the place of `smoothing.Smoother` where the model remembers.

    A step model has weighed a burst against a change already; a filter behind it would wait a
    second time (docs/performance.md). So an emotion is held until another leads it by the share
    ``margin`` of its own probability, and the label is ``uncertain`` below ``threshold`` as
    there; ``dwell_s``, ``evidence``, ``confirm_s`` and ``mean_s`` are not used.
    """

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self.settings = settings or SmoothingSettings()
        self._faces: dict[int, _Face] = {}

    def reset(self) -> None:
        """Forget all faces."""
        self._faces.clear()

    def keep_only(self, face_ids: set[int]) -> None:
        """Forget the faces that are gone."""
        for face_id in self._faces.keys() - face_ids:
            del self._faces[face_id]

    def update(
        self, face_id: int, raw: NDArray[np.float32], now: float
    ) -> tuple[str, float, NDArray[np.float32]]:
        """Take one reading; parameters and result are those of `smoothing.Smoother.update`."""
        s, best = self.settings, int(raw.argmax())
        face = self._faces.get(face_id)
        if face is None:
            face = _Face(best, float(raw[best]), now, choose_label(raw, s))
            self._faces[face_id] = face
        else:
            if raw[face.held] < (1 - s.margin) * raw[best]:
                face.held = best
            share = -math.expm1(-max(0.0, now - face.time_s) / _SURE_S)
            face.sure += share * (float(raw[face.held]) - face.sure)
            face.time_s = now
            floor = s.threshold * (1.0 if face.label == UNCERTAIN else _GIVE_UP)
            face.label = EMOTIONS[face.held] if face.sure >= floor else UNCERTAIN
        return face.label, shown_probability(raw, face.label), raw
