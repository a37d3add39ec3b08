"""Calm labels: a hidden Markov filter over seven emotions, hysteresis on the label shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..labels import EMOTIONS, UNCERTAIN
from ..settings.faces import SmoothingSettings

_COUNT = len(EMOTIONS)

# A mouth that speaks looks like another emotion for a syllable. So each emotion has a second
# state, a burst, in which the picture says nothing of it: entered this often a second, left after
# this long on average. A frame in a burst is as likely as one that gives the held emotion
# _NEUTRAL. A probability of 0 must not forbid an emotion for ever, hence _FLOOR. Chosen on
# pictures of the training split (benchmarks/calm.py --split train).
_BURSTS_PER_S = 4.0
_BURST_S = 0.12
_NEUTRAL = 0.25
_FLOOR = 1e-3
# Of one look: that of 0.13 s, the time between looks at 15 frames a second. With 1, that of 0.08 s,
# settled changes come 0.2 s later and clean sequences lose two points.
_MOST_EVIDENCE = 1.6
# A claim is given up at this share of the threshold, so that it does not blink.
_GIVE_UP = 0.7


@dataclass
class _Face:
    belief: NDArray[np.float64]
    """(2, 7) probability of each emotion, showing and under a burst; sums to 1."""
    mean: NDArray[np.float32]
    """(7,) running mean of the calibrated probabilities."""
    time_s: float
    held: int
    """Emotion that the filter holds."""
    label: str


class Smoother:
    """Forward filter of a hidden Markov model per face, independent of the frame rate.

    A person holds an emotion for ``dwell_s`` on average and then changes to any other one; bursts
    hide it meanwhile. Every frame multiplies the belief by its probabilities to the power of
    ``evidence`` times the time since the last frame, as successive frames are no independent
    witnesses; a look after a longer time counts for at most 1.6 of them. An emotion is given up
    only for one that leads it by the share ``margin`` of its own belief. What stands beside the
    label is not the filter's belief, which is surer than it should be, but the mean probability
    over ``mean_s``; where that is below ``threshold`` the label is ``uncertain``.
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
        The label to show, its mean probability (the likeliest one's where the label is
        ``uncertain``) and the mean probabilities (7,).
        """
        s = self.settings
        face = self._faces.get(face_id)
        if face is None:
            # The first frame is all that is known, so it is believed as it is.
            belief = np.zeros((2, _COUNT))
            belief[0] = raw / raw.sum()
            held = int(raw.argmax())
            label = choose_label(raw, s)
            face = self._faces[face_id] = _Face(belief, raw.copy(), now, held, label)
        else:
            dt = max(0.0, now - face.time_s)
            face.time_s = now
            face.belief = _forward(face.belief, raw, dt, s)
            total = face.belief.sum(axis=0)
            best = int(total.argmax())
            if total[face.held] < (1 - s.margin) * total[best]:
                face.held = best
            gain = np.float32(1.0 if s.mean_s == 0 else 1.0 - math.exp(-dt / s.mean_s))
            face.mean = face.mean + gain * (raw - face.mean)
            floor = s.threshold * (1.0 if face.label == UNCERTAIN else _GIVE_UP)
            sure = face.mean[face.held] >= floor
            face.label = EMOTIONS[face.held] if sure else UNCERTAIN
        return face.label, shown_probability(face.mean, face.label), face.mean


def _forward(
    belief: NDArray[np.float64], raw: NDArray[np.float32], dt: float, settings: SmoothingSettings
) -> NDArray[np.float64]:
    """Return the belief (2, 7) after `dt` seconds and one frame's probabilities (7,)."""
    enter, leave = -math.expm1(-_BURSTS_PER_S * dt), -math.expm1(-dt / _BURST_S)
    shows = belief[0] * (1 - enter) + belief[1] * leave
    hides = belief[0] * enter + belief[1] * (1 - leave)
    change = -math.expm1(-dt / settings.dwell_s)
    shows = shows * (1 - change) + shows.sum() * (change / _COUNT)
    power = min(_MOST_EVIDENCE, settings.evidence * dt)
    out = np.stack((shows * (raw + _FLOOR) ** power, hides * _NEUTRAL**power))
    return np.asarray(out / out.sum(), np.float64)


def choose_label(probabilities: NDArray[np.float32], settings: SmoothingSettings) -> str:
    """Choose the label of a single picture from its probabilities (7,), as in `labels.EMOTIONS`."""
    best = int(probabilities.argmax())
    return EMOTIONS[best] if probabilities[best] >= settings.threshold else UNCERTAIN


def shown_probability(probabilities: NDArray[np.float32], label: str) -> float:
    """Return the probability that stands beside `label`."""
    if label == UNCERTAIN:
        return float(probabilities.max())
    return float(probabilities[EMOTIONS.index(label)])
