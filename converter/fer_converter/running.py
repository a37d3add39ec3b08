"""Runs every variant on every installed interpreter, each in a process of its own.

Answers first, several processes side by side, from the moment a variant is built, for they need
not be alone; then the latencies, one after another on a machine that is otherwise at rest.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from fer_runtime.errors import FerError
from fer_runtime.model.interpreter import interpreter_version
from fer_runtime.model.metadata import ModelMetadata
from fer_runtime.model.probe import probe
from fer_training.progress import time_left

from .children import run_child
from .verify import Comparison, Truth, compare

Say = Callable[[str], None]
_MOST_AT_ONCE = 4


class Answers:
    """Runs variants over all pictures while others are still being built.

    Use it as a context: leaving it by an error drops what has not begun.

    Parameters
    ----------
    folder
        Holds ``<variant>.tflite`` and ``crops.npy``; ``<variant>-<interpreter>.npy`` with the
        logits are written into it.
    interpreters
        On which each variant runs.
    planned
        How many variants will come, for the time left.
    """

    def __init__(self, folder: Path, interpreters: Sequence[str], planned: int, say: Say) -> None:
        self.folder, self.interpreters = folder, interpreters
        self.steps = _Steps(2 * planned * len(interpreters), say)
        self._found: dict[tuple[str, str], Future[dict[str, Any] | str]] = {}
        self._pool = ThreadPoolExecutor(min(_MOST_AT_ONCE, os.cpu_count() or 1))

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, variant: str) -> None:
        """Begin with a variant whose file is whole."""
        for interpreter in self.interpreters:
            pair = (variant, interpreter)
            self._found[pair] = self._pool.submit(self._ask, pair)

    def _ask(self, pair: tuple[str, str]) -> dict[str, Any] | str:
        if pair[0] == "int8-io" and (int8 := self._found.get(("int8", pair[1]))):
            # It usually shares int8's answers, so it waits for them; they began before.
            int8.result()
        found = _child(self.folder, pair, answers=True)
        self.steps.done(f"answers of {pair[0]} on {pair[1]}")
        return found

    def of(self, variant: str, interpreter: str) -> dict[str, Any] | str:
        """Wait for a pair's answers; what went wrong, in words, where there are none."""
        return self._found[variant, interpreter].result()


def compare_all(
    answers: Answers, variants: Sequence[str], true: Truth, metadata: ModelMetadata
) -> list[Comparison]:
    """Wait for all answers, time each variant, compare.

    The rows are in the order of the variants, then of the interpreters. Latencies are taken one
    after another, when nothing else of ours runs.
    """
    pairs = [(variant, i) for variant in variants for i in answers.interpreters]
    answers.steps.expect(2 * len(pairs))
    found = {pair: answers.of(*pair) for pair in pairs}
    rows = []
    for pair in pairs:
        got = found[pair]
        if isinstance(got, dict):
            timed = _child(answers.folder, pair, answers=False)
            got = got | timed if isinstance(timed, dict) else timed
        answers.steps.done(f"latency of {pair[0]} on {pair[1]}")
        rows.append(_row(answers.folder, pair, got, true, metadata))
    return rows


def _child(folder: Path, pair: tuple[str, str], *, answers: bool) -> dict[str, Any] | str:
    """Measure in a child; what went wrong, in words, where it cannot."""
    variant, interpreter = pair
    model = folder / f"{variant}.tflite"
    same = folder / f"int8-{interpreter}.npy"
    request = {
        "model": str(model),
        "interpreter": interpreter,
        "crops": str(folder / "crops.npy"),
        "out": str(folder / f"{variant}-{interpreter}.npy"),
        "answers": answers,
        "latency": not answers,
        "same": str(same) if variant == "int8-io" and same.is_file() else "",
    }
    try:
        if answers:
            probe(model, interpreter)
        return run_child(
            "fer_converter.measure", json.dumps(request), what=variant, timeout_s=900.0
        )
    except FerError as error:
        return str(error).replace(f"model {model}: ", "").replace(str(model), model.name)


def _row(
    folder: Path,
    pair: tuple[str, str],
    got: dict[str, Any] | str,
    true: Truth,
    metadata: ModelMetadata,
) -> Comparison:
    variant, interpreter = pair
    about: dict[str, Any] = {"variant": variant, "interpreter": interpreter,
             "version": interpreter_version(interpreter)}  # fmt: skip
    size = (folder / f"{variant}.tflite").stat().st_size
    if isinstance(got, str):
        return Comparison(**about, bytes=size, error=got)
    logits = np.load(folder / f"{variant}-{interpreter}.npy")
    return compare(true, logits, metadata, **about, size=size, measured=got)


class _Steps:
    """Says how far the work is and how long the rest will take at the pace so far."""

    def __init__(self, count: int, say: Say) -> None:
        self._count, self._say = count, say
        self._began, self._done = time.perf_counter(), 0

    def expect(self, count: int) -> None:
        """Correct how many there will be, where a variant could not be built."""
        self._count = count

    def done(self, what: str) -> None:
        self._done += 1
        left = (time.perf_counter() - self._began) / self._done * (self._count - self._done)
        rest = f", about {time_left(left)} left" if self._done < self._count else ""
        self._say(f"{self._done}/{self._count} {what}{rest}")
