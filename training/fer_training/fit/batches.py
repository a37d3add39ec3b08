"""Batches by their number: the same number gives the same batch, whoever asks and when."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from ..nets.heads import Targets
from .augmentation import augment_crops, mix_batch
from .recipe import Recipe

Batch = tuple[NDArray[np.float32], Targets]

_AHEAD = 4
"""Batches prepared ahead for each worker."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """All batches of a run, augmented.

    Batch ``i`` follows from the seed and ``i`` alone, so that a run that goes on after a kill
    sees what it would have seen.

    Parameters
    ----------
    crops
        (N, 48, 48) or (N, T, 48, 48) uint8.
    targets
        By head, (N, C).
    recipe
        Batch size, epochs, seed, augmentation.
    workers
        Threads that prepare batches.
    """

    def __init__(
        self, crops: NDArray[np.uint8], targets: Targets, recipe: Recipe, workers: int
    ) -> None:
        super().__init__(workers=max(1, workers), use_multiprocessing=False)
        self._crops, self._targets, self._recipe = crops, targets, recipe
        self.batch_size = min(recipe.batch_size, len(crops))
        whole = len(crops) // self.batch_size
        self.steps_per_epoch = min(recipe.steps_per_epoch or whole, whole)
        # OpenCV's own threads would fight with the workers for the cores.
        cv2.setNumThreads(1)

    def __len__(self) -> int:
        return self.steps_per_epoch * self._recipe.epochs

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index`: (B, ..., 48, 48, 1) float32 0–255, and targets by head."""
        epoch, step = divmod(index, self.steps_per_epoch)
        order = np.random.default_rng([self._recipe.seed, 2, epoch]).permutation(len(self._crops))
        chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
        rng = np.random.default_rng([self._recipe.seed, 3, index])
        crops = augment_crops(self._crops[chosen], self._recipe.augment, rng)
        targets = {head: t[chosen] for head, t in self._targets.items()}
        crops, targets = mix_batch(crops, targets, self._recipe.augment, rng)
        return crops[..., np.newaxis], targets

    def from_step(self, start: int) -> Iterator[Batch]:
        """Yield the batches from `start` on, in order, prepared ahead by the workers."""
        waiting: deque[Future[Any]] = deque()
        with ThreadPoolExecutor(self.workers, "fer-train-batch") as pool:
            try:
                for index in range(start, len(self)):
                    waiting.append(pool.submit(self.__getitem__, index))
                    if len(waiting) > _AHEAD * self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
