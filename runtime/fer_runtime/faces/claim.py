"""What is claimed of each face: the emotion that is held, or that it is uncertain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..labels import EMOTIONS, UNCERTAIN
from ..settings.faces import SmoothingSettings

# A face's picture is as good or bad for seconds, so `uncertain` goes by the mean probability of
# what was held over about so long, and a claim is given up at this share of the threshold: neither
# bursts nor changes make it blink.
_SURE_S = 2.0
_GIVE_UP = 0.9


@dataclass
class Claim:
    """Of one face."""

    held: int
    """Index of the emotion that is held, into `labels.EMOTIONS`."""
    sure: float
    """Running mean of the held emotion's probability, whichever was held."""
    time_s: float
    """Of the newest look."""
    label: str

    def passed(self, now: float) -> float:
        """Return the seconds since the last look and note this one; a step backwards is none."""
        dt = max(0.0, now - self.time_s)
        self.time_s = now
        return dt

    def renew(
        self, probability: float, dt: float, threshold: float, give_up: float = _GIVE_UP
    ) -> None:
        """Choose the label anew after `dt` seconds, by the held emotion's newest probability.

        A claim is given up at the share `give_up` of the threshold.
        """
        self.sure -= math.expm1(-dt / _SURE_S) * (probability - self.sure)
        floor = threshold * (1.0 if self.label == UNCERTAIN else give_up)
        self.label = EMOTIONS[self.held] if self.sure >= floor else UNCERTAIN


_C = TypeVar("_C", bound=Claim)


class Claims(Generic[_C]):
    """The claims of all faces in view, by the person's id."""

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self.settings = settings or SmoothingSettings()
        self._faces: dict[int, _C] = {}

    def reset(self) -> None:
        """Forget all faces."""
        self._faces.clear()

    def keep_only(self, face_ids: set[int]) -> None:
        """Forget the faces that are gone."""
        for face_id in self._faces.keys() - face_ids:
            del self._faces[face_id]

    def sure(self, face_id: int) -> float:
        """Return the probability of a known face that is compared with ``threshold``."""
        return self._faces[face_id].sure


def choose_label(probabilities: NDArray[np.float32], settings: SmoothingSettings) -> str:
    """Choose the label of a single picture from its probabilities (7,), as in `labels.EMOTIONS`."""
    best = int(probabilities.argmax())
    return EMOTIONS[best] if probabilities[best] >= settings.threshold else UNCERTAIN


def shown_probability(probabilities: NDArray[np.float32], label: str) -> float:
    """Return the probability that stands beside `label`."""
    if label == UNCERTAIN:
        return float(probabilities.max())
    return float(probabilities[EMOTIONS.index(label)])
