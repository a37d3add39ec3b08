"""Generated sequences of looks at one face, for the recurrent network.

Somebody shows one picture, or a new one every 1–3 s; in half of the sequences they talk meanwhile:
bursts of another picture, 60–250 ms long, lie over it with a weight of 0.3–0.9, two to five times
a second. Every look is shaken anew. What a network is to answer is the picture that is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

HOLD_S: Final = (1.0, 3.0)
BURST_S: Final = (0.060, 0.250)
BURSTS_PER_S: Final = (2.0, 5.0)
WEIGHT: Final = (0.3, 0.9)
STEP_S: Final = (1 / 30, 1 / 4)
"""Seconds between looks, one for each sequence; every look comes up to a fifth sooner or later."""
GAP_S: Final = (0.3, 1.5)
_GAPS: Final = 0.02  # share of looks before which the face was missed for so long


@dataclass(frozen=True)
class Plan:
    """What is seen when, in N sequences of T looks."""

    held: NDArray[np.int64]
    """(N, T) index of the picture that is held."""
    other: NDArray[np.int64]
    """(N, T) index of the burst's picture."""
    weight: NDArray[np.float32]
    """(N, T) weight of the burst, 0 where there is none."""
    seconds: NDArray[np.float32]
    """(N, T) seconds since the look before; 0 at the first."""


def plan_sequences(count: int, looks: int, pictures: int, rng: np.random.Generator) -> Plan:
    """Draw `count` sequences of `looks` looks at pictures 0 … `pictures` - 1."""
    held = np.empty((count, looks), np.int64)
    other, weight = np.zeros((count, looks), np.int64), np.zeros((count, looks), np.float32)
    seconds = np.empty((count, looks), np.float32)
    for i in range(count):
        seconds[i] = _steps(looks, rng)
        now = np.cumsum(seconds[i], dtype=np.float64)
        held[i] = rng.integers(pictures)
        if rng.random() < 0.5:
            changes = np.cumsum(rng.uniform(*HOLD_S, int(now[-1] / HOLD_S[0]) + 1))
            shown = rng.integers(pictures, size=len(changes) + 1)
            held[i] = shown[np.searchsorted(changes, now, side="right")]
        if rng.random() < 0.5:
            _talk(now, other[i], weight[i], pictures, rng)
    return Plan(held, other, weight, seconds)


def _steps(looks: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw the seconds since the look before, 0 for the first."""
    step = np.exp(rng.uniform(*np.log(STEP_S)))
    out = step * rng.uniform(0.8, 1.2, looks)
    gaps = rng.random(looks) < _GAPS
    out[gaps] = rng.uniform(*GAP_S, int(gaps.sum()))
    out[0] = 0.0
    return np.asarray(out, np.float32)


def _talk(
    now: NDArray[np.float64],
    other: NDArray[np.int64],
    weight: NDArray[np.float32],
    pictures: int,
    rng: np.random.Generator,
) -> None:
    """Lay bursts over the looks at `now` of one sequence; they never lie over each other."""
    gap = 1 / rng.uniform(*BURSTS_PER_S) - sum(BURST_S) / 2
    begin = rng.exponential(gap)
    while begin < now[-1]:
        end = begin + rng.uniform(*BURST_S)
        under = (now >= begin) & (now < end)
        other[under], weight[under] = rng.integers(pictures), rng.uniform(*WEIGHT)
        begin = end + rng.exponential(gap)


def looks_of(
    pictures: dict[int, NDArray[np.float32]], plan: Plan, row: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the looks of sequence `row`, (T, h, w) uint8.

    Parameters
    ----------
    pictures
        Each picture of the sequence, (h, w) float32 0–255, by its index.
    """
    out = []
    columns = (plan.held[row].tolist(), plan.other[row].tolist(), plan.weight[row].tolist())
    for held, other, weight in zip(*columns, strict=True):
        picture = pictures[held]
        if weight:
            picture = (1 - weight) * picture + weight * pictures[other]
        out.append(shaken(picture, rng))
    return np.stack(out)


def shaken(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a (h, w) picture moved, turned, lit and noisy as a look through a camera is."""
    side = picture.shape[0]
    centre = ((side - 1) / 2, (side - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, rng.uniform(-4, 4), rng.uniform(0.95, 1.05))
    turn[:, 2] = turn[:, 2] + rng.uniform(-0.04, 0.04, 2) * side
    moved = cv2.warpAffine(picture, turn, picture.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    lit = moved * (1 + rng.uniform(-0.08, 0.08)) + rng.normal(0, 6, moved.shape)
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)


def in_sequence(plan: Plan, row: int) -> NDArray[np.int64]:
    """Return the indices of all pictures that sequence `row` shows, each once."""
    burst = plan.other[row][plan.weight[row] > 0]
    return np.asarray(np.unique(np.concatenate((plan.held[row], burst))), np.int64)
