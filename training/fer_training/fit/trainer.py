"""The training loop: steps, evaluation of each epoch, checkpoints, logs."""

from __future__ import annotations

import csv
import io
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_runtime.errors import FerError

from ..atomic import write_text
from ..nets.model_io import save_model
from ..nets.record import Record
from ..progress import run_bar
from .batches import Batches
from .checkpoint import State, load_checkpoint, save_checkpoint
from .optimise import averaged_weights, compile_model
from .recipe import Recipe
from .run_file import BEST, Stopped, validation_scores
from .schedule import learning_rate

_LOGGER = logging.getLogger(__name__)


@dataclass
class Trainer:
    """One run.

    Call `start` or `resume`, then `run`.
    """

    model: Any
    """A fresh model of `networks.build`, compiled here."""
    recipe: Recipe
    """Everything that is to be done."""
    batches: Batches
    """What to learn from."""
    judge: Callable[[], dict[str, float]] | None
    """Returns the accuracy of each head, 0–1, asked after each epoch; None for no judging."""
    folder: Path
    """Where checkpoint, history, logs and models go."""
    clock: Callable[[], float]
    """Seconds; only differences count."""
    checkpoint_steps: int = 0
    """Also write a checkpoint every so many steps; 0 for at the end of epochs only."""
    stop: Callable[[], int] = lambda: 0
    """Asked before the first step and after each; True ends the run with a checkpoint."""
    whole: Any = None
    """What is written where `model` is only the part of it that learns; it shares the weights."""

    def __post_init__(self) -> None:
        compile_model(self.model, self.recipe, len(self.batches))
        self.state = State()
        if self.whole is None:
            self.whole = self.model

    def start(self) -> None:
        """Begin at step 0, with a checkpoint, so that nothing is ever lost."""
        save_checkpoint(self.folder, self.model, self.state)

    def resume(self) -> None:
        """Go on where the checkpoint is; DataError where there is none or it does not fit."""
        self.state = load_checkpoint(self.folder, self.model)
        _LOGGER.info("resuming at epoch %d, step %d", self.state.epoch + 1, self.state.step)

    def run(self, record: Record, progress: bool = False) -> State:
        """Train to the end or to early stopping; leave the kept weights in the model.

        Parameters
        ----------
        record
            Written into ``best.keras``.
        progress
            Show a bar, with pictures a second, the time left and the newest accuracy.
        """
        self.stop()  # from here on a signal waits for the end of a step
        steps, epochs = self.batches.steps_per_epoch, self.recipe.epochs
        feed = self.batches.from_step(self.state.step)
        board = _Board(self.folder / "logs")
        try:
            while self.state.epoch < epochs and not self._out_of_patience():
                began, first = self.clock(), self.state.step
                left = range(self.state.step, (self.state.epoch + 1) * steps)
                what = f"epoch {self.state.epoch + 1}/{epochs}"
                if progress:
                    batch = self.batches.batch_size
                    self._epoch(feed, run_bar(left, what, batch, epochs * steps, self._said()))
                else:
                    self._epoch(feed, left)
                done = (self.state.step - first) * self.batches.batch_size
                self._close_epoch(self.clock() - began, done, record, board)
        finally:
            feed.close()  # type: ignore[attr-defined]
            board.close()
        self._finish()
        return self.state

    def _epoch(self, feed: Iterator[Any], steps: Any) -> None:
        sums = self.state.sums
        for step in steps:
            crops, targets = next(feed)
            rate = learning_rate(self.recipe, step, self.batches.steps_per_epoch)
            self.model.optimizer.learning_rate = rate
            logs = self.model.train_on_batch(crops, targets, return_dict=True)
            # These are of this batch alone: train_on_batch begins its means anew.
            for key, value in logs.items():
                sums[key] = sums.get(key, 0.0) + float(value)
            self.state.step, self.state.summed = step + 1, self.state.summed + 1
            if not math.isfinite(float(logs["loss"])):
                raise FerError(
                    f"training diverged at step {step}: the loss is {logs['loss']}",
                    "resume with nothing lost, or try a smaller learning_rate",
                )
            if self.checkpoint_steps and self.state.step % self.checkpoint_steps == 0:
                save_checkpoint(self.folder, self.model, self.state)
            if number := self.stop():
                save_checkpoint(self.folder, self.model, self.state)
                raise Stopped(
                    number,
                    f"stopped at step {self.state.step}, checkpoint written",
                    f"go on: fer-train fit --resume -o {self.folder}",
                )

    def _close_epoch(self, seconds: float, done: int, record: Record, board: _Board) -> None:
        """Judge, write down and tell an epoch; `done` pictures took `seconds`, resumed or not."""
        state = self.state
        logs = {key: total / state.summed for key, total in state.sums.items()}
        steps = state.summed
        state.sums, state.summed = {}, 0
        state.epoch += 1
        row = {"epoch": float(state.epoch), **logs, "seconds": round(seconds, 2), "steps": steps}
        row["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
        if self.judge is not None:
            with averaged_weights(self.model, self.recipe):
                scores = self.judge()
                row |= {f"validation_{head}": value for head, value in scores.items()}
                score = sum(scores.values()) / len(scores)
                if score > state.best_score:
                    state.best_score, state.best_epoch = score, state.epoch
                    save_model(self.whole, self.folder / BEST, record)
        state.history.append(row)
        save_checkpoint(self.folder, self.model, state)
        write_text(self.folder / "history.csv", _table(state.history))
        board.write(state.epoch, row)
        shown = self._said()
        _LOGGER.info(
            "epoch %d/%d: loss %.4f%s, %.1f s, %.0f pictures/s",
            state.epoch, self.recipe.epochs, row.get("loss", math.nan),
            f", validation: {shown}" if shown else "", seconds,
            done / max(seconds, 1e-9),
        )  # fmt: skip

    def _said(self) -> str:
        row = self.state.history[-1] if self.state.history else {}
        scores = validation_scores(row)
        return ", ".join(f"{head} {100 * value:.2f} %" for head, value in scores.items())

    def kept_scores(self) -> dict[str, float]:
        """Return the accuracy, 0–1, of the weights that `run` left in the model, by head."""
        best = self.recipe.keep == "best" and self.state.best_epoch
        return validation_scores(self.state.history[self.state.best_epoch - 1 if best else -1])

    def _out_of_patience(self) -> bool:
        patience, state = self.recipe.patience, self.state
        stop = bool(patience and state.epoch - state.best_epoch >= patience and state.best_epoch)
        if stop:
            _LOGGER.info("no better score for %d epochs: stopping", patience)
        return stop

    def _finish(self) -> None:
        """Leave the weights that are kept in the model."""
        best = self.folder / BEST
        if self.recipe.keep == "best" and best.is_file():
            from ..nets.model_io import load_model

            self.whole.set_weights(load_model(best).get_weights())
        elif self.recipe.ema:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)


def _table(history: list[dict[str, float]]) -> str:
    out = io.StringIO()
    names = list(dict.fromkeys(key for row in history for key in row))
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(history)
    return out.getvalue()


class _Board:
    """TensorBoard's event files; without tensorboard nothing is written."""

    def __init__(self, folder: Path) -> None:
        self._writer: Any = None
        try:
            from tensorboard.summary import Writer  # type: ignore[import-untyped]
        except ImportError:
            return
        self._writer = Writer(str(folder))

    def write(self, epoch: int, row: dict[str, float]) -> None:
        if self._writer is not None:
            for key, value in row.items():
                self._writer.add_scalar(key, value, epoch)
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
