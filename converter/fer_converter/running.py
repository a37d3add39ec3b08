"""Runs every variant on every installed interpreter, each in a process of its own.

Answers first, several processes side by side, for they need not be alone; then the latencies,
one after another on a machine that is otherwise at rest.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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


def run_all(
    folder: Path,
    variants: Sequence[str],
    interpreters: Sequence[str],
    true: Truth,
    metadata: ModelMetadata,
    say: Say,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Comparison]:
    """Run and compare; the rows are in the order of the variants, then of the interpreters.

    Parameters
    ----------
    folder
        Holds ``<variant>.tflite`` and ``crops.npy``; ``<variant>-<interpreter>.npy`` with the
        logits are written into it.
    clock
        Seconds; only differences count.
    """
    pairs = [(variant, interpreter) for variant in variants for interpreter in interpreters]
    # int8-io follows int8, whose answers it usually shares, so it waits for them.
    first = [pair for pair in pairs if pair[0] != "int8-io"]
    later = [pair for pair in pairs if pair[0] == "int8-io"]
    progress = _Steps(2 * len(pairs), say, clock)
    found: dict[tuple[str, str], dict[str, Any] | str] = {}

    def answers(pair: tuple[str, str]) -> None:
        found[pair] = _child(folder, pair, answers=True)
        progress.done(f"answers of {pair[0]} on {pair[1]}")

    with ThreadPoolExecutor(min(_MOST_AT_ONCE, os.cpu_count() or 1)) as pool:
        list(pool.map(answers, first))
        list(pool.map(answers, later))
    rows = []
    for pair in pairs:
        got = found[pair]
        if isinstance(got, dict):
            timed = _child(folder, pair, answers=False)
            got = got | timed if isinstance(timed, dict) else timed
        progress.done(f"latency of {pair[0]} on {pair[1]}")
        rows.append(_row(folder, pair, got, true, metadata))
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

    def __init__(self, count: int, say: Say, clock: Callable[[], float]) -> None:
        self._count, self._say, self._clock = count, say, clock
        self._began, self._done = clock(), 0

    def done(self, what: str) -> None:
        self._done += 1
        left = (self._clock() - self._began) / self._done * (self._count - self._done)
        rest = f", about {time_left(left)} left" if self._done < self._count else ""
        self._say(f"{self._done}/{self._count} {what}{rest}")
