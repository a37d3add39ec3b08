"""The state of a run on disk: enough to go on as if nothing had happened."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer_runtime.errors import DataError

from ..atomic import NOT_NPZ, replacing

NAME = "checkpoint.npz"


@dataclass
class State:
    """Where a run is."""

    step: int = 0
    """Steps done since the beginning."""
    epoch: int = 0
    """Epochs done."""
    best_score: float = -1.0
    """Best validation score so far, 0–1; -1 for none."""
    best_epoch: int = 0
    """Epoch of that score, from 1."""
    sums: dict[str, float] = field(default_factory=dict)
    """Sum over the steps of the unfinished epoch, of each loss."""
    summed: int = 0
    """How many steps these are."""
    history: list[dict[str, float]] = field(default_factory=list)
    """One row of figures for each epoch done."""


def save_checkpoint(folder: Path, model: Any, state: State) -> None:
    """Write model, optimiser and `state` into `folder`, atomically.

    Raises OutputError where it cannot be written; the previous checkpoint stays.
    """
    arrays = {f"v{i}": np.asarray(v) for i, v in enumerate(_variables(model))}
    arrays["state"] = np.asarray(json.dumps(asdict(state)))
    # In memory first: of a zip file that a full disk cuts short Python complains on its own.
    whole = io.BytesIO()
    np.savez(whole, **arrays)
    with replacing(folder / NAME) as temporary:
        temporary.write_bytes(whole.getbuffer())


def load_checkpoint(folder: Path, model: Any) -> State:
    """Put a checkpoint into a freshly built and compiled `model`; return the state.

    Raises
    ------
    DataError
        If there is none, it is damaged, or it is another network's.
    """
    path = folder / NAME
    variables = _variables(model)
    try:
        with np.load(path, allow_pickle=False) as archive:
            count = sum(name.startswith("v") for name in archive.files)
            arrays = [archive[f"v{i}"] for i in range(count)]
            state = State(**json.loads(str(archive["state"])))
    except FileNotFoundError:
        raise DataError(f"{path}: no checkpoint to resume from", "start without --resume") from None
    except NOT_NPZ as error:
        raise DataError(f"{path}: the checkpoint is damaged: {error}") from None
    if [a.shape for a in arrays] != [tuple(v.shape) for v in variables]:
        raise DataError(
            f"{path}: expected a checkpoint of {model.name}, received another network's"
        )
    for variable, value in zip(variables, arrays, strict=True):
        variable.assign(value)
    return state


def _variables(model: Any) -> list[Any]:
    """Return all state: weights, seeds of dropout, optimiser with its averages."""
    return [*model.variables, *model.optimizer.variables]
