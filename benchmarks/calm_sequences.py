"""Seeded sequences of shaken pictures for `calm.py`: clean changes, and talk.

Every frame of every sequence is moved (±4 % shift, ±5 % scale, ±4° rotation), noisy (σ 6) and lit
differently (±8 %), drawn anew for each frame. All numbers here were fixed before a filter was
tuned on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import Classifier
from fer_runtime.settings.schema import Settings
from fer_training.data.ferplus import VOTES_NAME, majority, read_votes

SEED = 20231
KINDS = ("thirds", "changes", "talk")
THIRD_S, LENGTH_S = 3.0, 10.0
HOLD_S = (1.0, 3.0)
LOOK_RATE = Settings().detector.look_rate
EARLY_S = 0.005
"""As in the pipeline: a look comes a little early rather than a frame late."""
BURST_S, BURSTS_PER_S, WEIGHT = (0.060, 0.250), (2.0, 5.0), (0.3, 0.9)


@dataclass(frozen=True)
class Sequence:
    """One sequence, as the classifier sees it."""

    raw: NDArray[np.float32]
    """(F, 7) calibrated probabilities."""
    part: NDArray[np.int64]
    """(F,) number of the picture that holds, counted within the sequence."""
    truth: NDArray[np.int64]
    """(F,) class of that picture; -1 where people do not agree."""
    burst: NDArray[np.bool_]
    """(F,) whether a burst of another picture lies over the frame."""
    fps: int
    """Frames a second."""


def shaken(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return one frame's version of a (48, 48) uint8 picture."""
    turn = cv2.getRotationMatrix2D((23.5, 23.5), rng.uniform(-4, 4), rng.uniform(0.95, 1.05))
    turn[:, 2] += rng.uniform(-0.04, 0.04, 2) * 48
    moved = cv2.warpAffine(picture, turn, (48, 48), borderMode=cv2.BORDER_REPLICATE)
    light = 1 + rng.uniform(-0.08, 0.08)
    noisy = moved * light + rng.normal(0, 6, moved.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def plan(
    kind: str, fps: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Draw what is shown when.

    Parameters
    ----------
    kind
        ``thirds``: three pictures of three seconds each. ``changes``: pictures of 1–3 s for
        ten seconds. ``talk``: one picture for ten seconds, under bursts of another one each.

    Returns
    -------
    For each frame the number of the picture that holds, the weight of the burst over it (0 for
    none) and the number of the burst's picture; numbers count from 0 within the sequence.
    """
    frames = round((3 * THIRD_S if kind == "thirds" else LENGTH_S) * fps)
    part, weight = np.zeros(frames, np.int64), np.zeros(frames)
    other = np.zeros(frames, np.int64)
    if kind == "thirds":
        return np.arange(frames) // round(THIRD_S * fps), weight, other
    if kind == "changes":
        at, number = 0, 0
        while at < frames:
            step = round(rng.uniform(*HOLD_S) * fps)
            part[at : at + step] = number
            at, number = at + step, number + 1
        return part, weight, other
    # Bursts begin at random, as often as the sequence's rate says, and never lie over each other.
    gap = 1 / rng.uniform(*BURSTS_PER_S) - sum(BURST_S) / 2
    now, number = 0.0, 0
    while True:
        now += rng.exponential(gap)
        length, share = rng.uniform(*BURST_S), rng.uniform(*WEIGHT)
        if now >= LENGTH_S:
            return part, weight, other
        number += 1
        # At least one frame: a burst that falls between two frames would not be one.
        begin = min(int(now * fps), frames - 1)
        end = max(begin + 1, round((now + length) * fps))
        weight[begin:end], other[begin:end] = share, number
        now += length


def make(
    folder: Path, kind: str, model: str, fps: int, sequences: int, seed: int = SEED
) -> list[Sequence]:
    """Make sequences from the pictures of `folder` (``<class>/*.jpg``) as `model` sees them."""
    classifier = Classifier(model)
    files = sorted(folder.glob("*/*.jpg"))
    labels = truth(folder, files, model)
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    out = []
    for _ in range(sequences):
        part, weight, other = plan(kind, fps, rng)
        count = max(int(part.max()), int(other.max())) + 1
        chosen = rng.choice(len(files), count, replace=False)
        pictures = [
            np.asarray(cv2.imread(str(files[i]), cv2.IMREAD_GRAYSCALE), np.float32) for i in chosen
        ]
        frames = [
            shaken(((1 - w) * pictures[p] + w * pictures[o]).astype(np.uint8), rng)
            for p, w, o in zip(part, weight, other, strict=True)
        ]
        if classifier.state_size:
            raw = remembering(classifier, np.stack(frames), fps)
        else:
            raw = classifier.probabilities(np.stack(frames))
        out.append(Sequence(raw, part, labels[chosen[part]], weight > 0, fps))
    return out


def looks(frames: int, fps: int, rate: float = LOOK_RATE) -> NDArray[np.int64]:
    """Return for each frame the one that was looked at last, by a runtime of `rate` looks a second.

    Parameters
    ----------
    frames
        How many there are, `fps` of them a second.

    Returns
    -------
    (frames,) int64, ascending.
    """
    looked, out = -math.inf, np.empty(frames, np.int64)
    for i in range(frames):
        if (i - looked) / fps + EARLY_S >= 1.0 / rate:
            looked = i
        out[i] = looked
    return out


def remembering(classifier: Classifier, frames: NDArray[np.uint8], fps: int) -> NDArray[np.float32]:
    """Return what a step model says of each frame, looking when the runtime does."""
    state = np.zeros((1, classifier.state_size), np.float32)
    out: dict[int, NDArray[np.float32]] = {}
    seen, last = looks(len(frames), fps), 0
    for i in np.unique(seen).tolist():
        raw, state = classifier.look(frames[i : i + 1], np.array([(i - last) / fps]), state)
        out[i], last = raw[0], i
    return np.stack([out[i] for i in seen.tolist()])


def kept(
    folder: Path, kind: str, model: str, fps: int, sequences: int, seed: int, keep: Path | None
) -> list[Sequence]:
    """Return what `make` returns, from a file in `keep` where there is one, else written there."""
    if keep is None:
        return make(folder, kind, model, fps, sequences, seed)
    file = keep / f"{folder.name}-{kind}-{Path(model).stem}-{fps}-{sequences}-{seed}.npz"
    names = ("raw", "part", "truth", "burst")
    if not file.exists():
        made = make(folder, kind, model, fps, sequences, seed)
        keep.mkdir(parents=True, exist_ok=True)
        columns = {name: np.stack([getattr(s, name) for s in made]) for name in names}
        np.savez_compressed(file, **columns)
    with np.load(file) as stored:
        rows = zip(*(stored[name] for name in names), strict=True)
        return [Sequence(*row, fps) for row in rows]


def truth(folder: Path, files: list[Path], model: str) -> NDArray[np.int64]:
    """Return what `model` is judged by: FER+ majority (-1: none) but for `fer2013`."""
    table = folder.parent / VOTES_NAME
    if model != "fer2013" and table.exists():
        votes = read_votes(table)
        names = [f.relative_to(folder.parent).as_posix() for f in files]
        return majority(np.array([votes.get(name, (0,) * 10) for name in names])).labels
    return np.array([EMOTIONS.index(f.parent.name) for f in files])
