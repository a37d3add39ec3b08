"""Labels of a step model, which waits for itself: hysteresis, and nothing that delays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .claim import Claim, Claims, choose_label, shown_probability


class Steady(Claims[Claim]):
    """What stands in the place of `smoothing.Smoother` where the model remembers.

    A step model has weighed a burst against a change already; a filter behind it would wait a
    second time (docs/performance.md). So an emotion is held until another leads it by the share
    ``margin`` of its own probability, and the label is ``uncertain`` below ``threshold`` as
    there; ``dwell_s``, ``evidence``, ``confirm_s`` and ``mean_s`` are not used.
    """

    def update(
        self, face_id: int, raw: NDArray[np.float32], now: float
    ) -> tuple[str, float, NDArray[np.float32]]:
        """Take one reading; parameters and result are those of `smoothing.Smoother.update`."""
        s, best = self.settings, int(raw.argmax())
        face = self._faces.get(face_id)
        if face is None:
            face = Claim(best, float(raw[best]), now, choose_label(raw, s))
            self._faces[face_id] = face
        else:
            if raw[face.held] < (1 - s.margin) * raw[best]:
                face.held = best
            face.renew(float(raw[face.held]), face.passed(now), s.threshold)
        return face.label, shown_probability(raw, face.label), raw
