"""What is particular about training a step network: its trunk looks once, its memory learns.

The trunk keeps the weights it is given, so that the features of all generated looks are computed
once; what is trained, for seconds an epoch, is the GRU and the heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ConfigError

from ..data.datasets import Pictures
from ..data.sequences import Plan, in_sequence, looks_of, plan_sequences
from ..judge.heads import truth_rows
from ..judge.predictors import forward
from ..nets.gru import trunk_of
from ..nets.heads import Targets, emotion_columns
from ..progress import Progress
from .augmentation import augment_crops
from .recipe import NO_AUGMENT, Augment, Recipe

_AT_ONCE: Final = 512
"""Looks that the trunk is given at once."""
_JUDGED: Final = 0.1
"""Sequences to judge on, of those to learn from."""

Batch = tuple[dict[str, NDArray[np.float32]], Targets]


@dataclass(frozen=True)
class Looks:
    """Generated sequences as the trunk sees them."""

    plan: Plan
    features: NDArray[np.float16]
    """(N, T, F)."""

    def inputs(self, chosen: Any) -> dict[str, NDArray[np.float32]]:
        """Return what the network of `gru.sequence_of` takes, of some sequences."""
        return {
            "features": self.features[chosen].astype(np.float32),
            "seconds": self.plan.seconds[chosen][..., np.newaxis],
        }


def see(
    step: Any,
    crops: NDArray[np.uint8],
    count: int,
    looks: int,
    augment: Augment,
    seed: list[int],
    progress: Progress | None = None,
) -> Looks:
    """Generate `count` sequences of `looks` looks from crops (P, h, w) and show them to the trunk.

    Every sequence changes its pictures at random as `augment` says, each of them once.
    """
    plan = plan_sequences(count, looks, len(crops), np.random.default_rng(seed))
    run = forward(trunk_of(step))
    features: list[NDArray[np.float16]] = []
    size = max(1, _AT_ONCE // looks)
    starts: Any = range(0, count, size)
    for start in progress(starts, "looking") if progress else starts:
        seen = []
        for row in range(start, min(count, start + size)):
            rng = np.random.default_rng([*seed, row])
            chosen = in_sequence(plan, row)
            changed = augment_crops(crops[chosen], augment, rng)
            seen.append(looks_of(dict(zip(chosen.tolist(), changed, strict=True)), plan, row, rng))
        batch = np.concatenate(seen)[..., np.newaxis].astype(np.float32)
        out = np.asarray(run(batch))
        features.append(out.reshape(len(seen), looks, -1).astype(np.float16))
    return Looks(plan, np.concatenate(features))


class LookBatches:
    """All batches of a run; batch ``i`` follows from the seed and ``i`` alone."""

    def __init__(self, looks: Looks, targets: Targets, recipe: Recipe) -> None:
        self._looks, self._targets, self._recipe = looks, targets, recipe
        count = len(looks.features)
        self.batch_size = min(recipe.batch_size, count)
        whole = count // self.batch_size
        self.steps_per_epoch = min(recipe.steps_per_epoch or whole, whole)

    def __len__(self) -> int:
        return self.steps_per_epoch * self._recipe.epochs

    def __getitem__(self, index: int) -> Batch:
        """Return features and seconds, and targets (B, T, C) by head."""
        epoch, step = divmod(index, self.steps_per_epoch)
        count = len(self._looks.features)
        order = np.random.default_rng([self._recipe.seed, 2, epoch]).permutation(count)
        chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
        held = self._looks.plan.held[chosen]
        return self._looks.inputs(chosen), {h: t[held] for h, t in self._targets.items()}

    def from_step(self, start: int) -> Iterator[Batch]:
        """Yield the batches from `start` on."""
        for index in range(start, len(self)):
            yield self[index]


def look_batches(
    step: Any, crops: NDArray[np.uint8], targets: Targets, recipe: Recipe,
    progress: Progress | None,
) -> LookBatches:  # fmt: skip
    """Return the batches to train on; `targets` are by picture, (P, C) by head."""
    seen = see(step, crops, recipe.sequences, recipe.frames, recipe.augment, [recipe.seed, 5],
               progress)  # fmt: skip
    return LookBatches(seen, targets, recipe)


@dataclass(frozen=True)
class LookJudge:
    """Accuracy over all looks of sequences made of pictures that were not learnt from."""

    looks: Looks
    pictures: Pictures
    model: Any
    """Of `gru.sequence_of`."""

    def logits(self) -> Targets:
        """Return logits (N · T, C) by head."""
        parts = [
            self.model(self.looks.inputs(slice(i, i + 64)), training=False)
            for i in range(0, len(self.looks.features), 64)
        ]
        return {
            head: np.concatenate([np.asarray(p[head], np.float32) for p in parts]).reshape(
                -1, parts[0][head].shape[-1]
            )
            for head in parts[0]
        }

    def truth(self, head: str) -> NDArray[np.int64]:
        """Return the emotion that each look is to be read as, (N · T,); -1 where none is agreed."""
        return truth_rows(head, self.pictures)[self.looks.plan.held].reshape(-1)

    def __call__(self) -> dict[str, float]:
        """Return the accuracy of each head, 0–1."""
        out = {}
        for head, logits in self.logits().items():
            truth = self.truth(head)
            answers = logits[:, list(emotion_columns(head))].argmax(axis=1)
            known = truth >= 0
            out[head] = float(np.mean((answers == truth)[known])) if known.any() else 0.0
        return out


def look_judge(
    step: Any, model: Any, pictures: Pictures, recipe: Recipe, progress: Progress | None
) -> Callable[[], dict[str, float]]:
    """Return what judges an epoch on sequences of `pictures`."""
    count = max(1, round(_JUDGED * recipe.sequences))
    seen = see(step, pictures.crops, count, recipe.frames, NO_AUGMENT, [recipe.seed, 6], progress)
    return LookJudge(seen, pictures, model)


def start_trunk(step: Any, source: Any, path: str) -> None:
    """Give a step network the trunk of `source`, and hold it.

    Raises ConfigError where `source`, read from `path`, has another trunk.
    """
    theirs = {layer.name: layer for layer in source.layers}
    for layer in trunk_of(step).layers:
        wanted = [tuple(w.shape) for w in layer.weights]
        if not wanted:
            continue
        other = theirs.get(layer.name)
        if other is None or [tuple(w.shape) for w in other.weights] != wanted:
            raise ConfigError(
                f"init {path}: expected the layers of {step.name}'s trunk, edge24; {layer.name} is "
                f"missing in {source.name} or has another shape",
                "give a trained edge24: --init runs/edge24/model.keras",
            )
        layer.set_weights(other.get_weights())


def hold_trunk(step: Any) -> None:
    """Keep the trunk's weights as they are."""
    for layer in trunk_of(step).layers:
        layer.trainable = False
