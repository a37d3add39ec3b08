"""Calm labels: a hidden Markov filter over seven emotions, confirmation of the label shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..labels import EMOTIONS
from ..settings.faces import SmoothingSettings
from .claim import Claim, Claims, choose_label, shown_probability

_COUNT = len(EMOTIONS)

# A mouth that speaks looks like another emotion for a syllable. So each emotion has three states:
# a face at rest, one that talks and shows the emotion, and a burst, in which the picture says
# nothing of it. Who has not flickered of late is believed at once, who talks is not: talk goes on
# for long, as a talker may be quiet for a second or two, and begins rarely, as all that tells the
# first burst from a change is what went before. A face at rest begins to talk so often a second, a
# talker comes to rest after so long on average; bursts come so often a second while somebody talks,
# and last so long; a talker holds an emotion so many times as long as a face at rest. A look in a
# burst is as likely as one that gives the held emotion this probability (_NEUTRAL). A probability
# of 0 must not forbid an emotion for ever, hence _FLOOR. Fitted on pictures of the training split
# (benchmarks/calm.py --split train --seed 7), for the most frames right in the sequences without
# talk among what shows at most 0.3 changes a second in talk, as new pictures bring more than those.
_STARTS_PER_S = 0.05
_TALK_S = 20.0
_BURSTS_PER_S = 3.1
_BURST_S = 0.3
_TALKER_HOLDS = 6.0
_NEUTRAL = 0.29
_FLOOR = 1e-3
# A newcomer may be talking already: without bursts he is at rest within two seconds.
_TALKING_FIRST = 0.4
# Who talks with less than this probability is at rest: what leads needs no confirmation.
_AT_REST = 0.25
# The label is `uncertain` below this share of the threshold once claimed: single looks vary.
_GIVE_UP = 0.8
# Of one look, however long ago the last one was.
_MOST_EVIDENCE = 2.0

# Rates a second from each state (rows: at rest, talking, burst) to each, and their eigenvectors:
# the probabilities after a time are those of the matrix exponential.
_RATES = np.array(
    [
        [-_STARTS_PER_S, 0.0, _STARTS_PER_S],
        [1 / _TALK_S, -1 / _TALK_S - _BURSTS_PER_S, _BURSTS_PER_S],
        [0.0, 1 / _BURST_S, -1 / _BURST_S],
    ]
)
_VALUES, _VECTORS = np.linalg.eig(_RATES)
_INVERSE = np.linalg.inv(_VECTORS)


@dataclass
class _Face(Claim):
    belief: NDArray[np.float64]
    """(3, 7) probability of each emotion, at rest, talking and under a burst; sums to 1."""
    mean: NDArray[np.float32]
    """(7,) running mean of the calibrated probabilities."""
    challenger: int
    """Emotion that leads it, or the held one."""
    lead_s: float
    """How long it has led."""


class Smoother(Claims[_Face]):
    """Forward filter of a hidden Markov model per face, independent of the frame rate.

    A face at rest holds an emotion for ``dwell_s`` on average and then changes to any other one, a
    talker six times as long, and bursts hide it meanwhile. Every look multiplies the belief by its
    probabilities to the power of ``evidence`` times the time since the last one, as successive
    looks are no independent witnesses. An emotion is given up only for one that leads it by the
    share ``margin`` of its own belief, and while the person seems to talk only after it has led
    for ``confirm_s``, counted from halfway between two looks. What stands beside the label is not
    the filter's belief, which is surer than it should be, but the mean probability over ``mean_s``.
    The label is ``uncertain`` where the probability of the emotion held at each look was below
    ``threshold`` in the mean of some seconds.
    """

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
            share = np.array((1 - _TALKING_FIRST, _TALKING_FIRST, 0.0))
            belief = share[:, np.newaxis] * (raw / raw.sum())
            held, sure = int(raw.argmax()), float(raw.max())
            label = choose_label(raw, s)
            face = _Face(held, sure, now, label, belief, raw.copy(), held, 0.0)
            self._faces[face_id] = face
        else:
            dt = face.passed(now)
            face.belief = _forward(face.belief, raw, dt, s)
            total = face.belief.sum(axis=0)
            best = int(total.argmax())
            if total[face.held] >= (1 - s.margin) * total[best]:
                best = face.held
            # The change came somewhere between the last look and this one.
            face.lead_s = face.lead_s + dt if best == face.challenger else dt / 2
            face.challenger = best
            if face.lead_s >= s.confirm_s or face.belief[1:].sum() < _AT_REST:
                face.held = best
            gain = np.float32(1.0 if s.mean_s == 0 else -math.expm1(-dt / s.mean_s))
            face.mean = face.mean + gain * (raw - face.mean)
            face.renew(float(raw[face.held]), dt, s.threshold, _GIVE_UP)
        return face.label, shown_probability(face.mean, face.label), face.mean


def _forward(
    belief: NDArray[np.float64], raw: NDArray[np.float32], dt: float, settings: SmoothingSettings
) -> NDArray[np.float64]:
    """Return the belief (3, 7) after `dt` seconds and one frame's probabilities (7,)."""
    moved = ((_VECTORS * np.exp(_VALUES * dt)) @ _INVERSE).real.T @ belief
    held_s = settings.dwell_s * np.array([[1.0], [_TALKER_HOLDS]])
    change = -np.expm1(-dt / held_s)
    shows = moved[:2] * (1 - change) + moved[:2].sum(axis=1, keepdims=True) * (change / _COUNT)
    power = min(_MOST_EVIDENCE, settings.evidence * dt)
    out = np.vstack((shows * (raw + _FLOOR) ** power, moved[2:] * _NEUTRAL**power))
    return np.asarray(out / out.sum(), np.float64)
