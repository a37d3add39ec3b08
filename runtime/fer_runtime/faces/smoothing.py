"""Calm labels: a temporal filter on probabilities and hysteresis on the label shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..labels import EMOTIONS, UNCERTAIN
from ..settings.faces import SmoothingSettings

# An expression that has really changed must not wait for the slow filter: where a fast one runs
# away from it by more than _FREE (half the L1 distance of the two distributions, in units of the
# likelier one's peak, so that a soft model is judged like a sharp one), the slow one speeds up.
# Chosen on shaken pictures of the training split (benchmarks/calm.py).
_FAST_S = 0.065
_FREE = 0.25
_HURRY = 12.0


@dataclass
class _Face:
    filtered: NDArray[np.float32]
    fast: NDArray[np.float32]
    time_s: float
    label: str


class Smoother:
    """Low-pass filter per face, independent of the frame rate, that hurries at real changes.

    ``p += (1 - exp(-dt / tau * hurry)) * (raw - p)``, the discretised RC filter with a time
    constant that shrinks while a faster filter of the same input disagrees with it (the idea of
    Casiez et al. 2012, "1 € Filter", on distributions). A label is given up only for one that
    leads it by the share ``margin`` of its own probability, so that soft and sharp models hold
    on alike; below ``threshold`` it is ``uncertain``.
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
        """Take one reading.

        Parameters
        ----------
        face_id
            The person.
        raw
            (7,) float32 calibrated probabilities of this frame.
        now
            The frame's time in seconds; a step backwards counts as no time.

        Returns
        -------
        The label to show, its filtered probability (the likeliest one's where the label is
        ``uncertain``) and the filtered probabilities (7,).
        """
        face = self._faces.get(face_id)
        if face is None:
            label = choose_label(raw, self.settings)
            face = self._faces[face_id] = _Face(raw.copy(), raw.copy(), now, label)
        else:
            dt = max(0.0, now - face.time_s)
            face.fast = face.fast + _gain(dt, _FAST_S) * (raw - face.fast)
            peak = float(max(face.fast.max(), face.filtered.max()))
            apart = 0.5 * float(np.abs(face.fast - face.filtered).sum()) / peak
            hurry = 1.0 + _HURRY * max(0.0, apart - _FREE)
            gain = _gain(dt * hurry, self.settings.tau_ms / 1000.0)
            face.filtered = face.filtered + gain * (raw - face.filtered)
            face.time_s = now
            face.label = choose_label(face.filtered, self.settings, face.label)
        return face.label, shown_probability(face.filtered, face.label), face.filtered


def _gain(dt: float, tau: float) -> np.float32:
    """Return the share of a step that an RC filter makes good in `dt` seconds."""
    return np.float32(1.0 if tau == 0 else 1.0 - math.exp(-dt / tau))


def choose_label(
    probabilities: NDArray[np.float32], settings: SmoothingSettings, shown: str | None = None
) -> str:
    """Choose the label to show.

    Parameters
    ----------
    probabilities
        (7,) in the order of `labels.EMOTIONS`.
    settings
        Margin and threshold.
    shown
        The label shown so far; None on the first frame.
    """
    best = int(probabilities.argmax())
    if shown in EMOTIONS:
        held = EMOTIONS.index(shown)
        if probabilities[held] > (1 - settings.margin) * probabilities[best]:
            best = held
        # Well below the threshold before giving up, so that it does not blink.
        floor = (1 - settings.margin / 2) * settings.threshold
    else:
        floor = settings.threshold
    return EMOTIONS[best] if probabilities[best] >= floor else UNCERTAIN


def shown_probability(probabilities: NDArray[np.float32], label: str) -> float:
    """Return the probability that stands beside `label`."""
    if label == UNCERTAIN:
        return float(probabilities.max())
    return float(probabilities[EMOTIONS.index(label)])
