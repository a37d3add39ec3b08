"""Step models: networks that remember what they saw of a face.

A step model takes a crop, the seconds since the last look at that face, and the state that the
last look left; it gives logits and the new state. The state belongs to the face: it is kept with
the track and dies with it. A face that is new begins with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

STILL_LOOKS: Final = 4
STILL_STEP_S: Final = 0.1
"""A picture that stands alone is read as somebody who holds still for so many looks, so many
seconds apart: known faces are looked at ten times a second (``detector.look_rate``)."""

MOST_STATE: Final = 4096
"""Numbers of a state; a larger one is a mistake."""

States = NDArray[np.float32]
"""(N, S) float32, one row per face."""


@dataclass(frozen=True)
class StepTensors:
    """Which tensors of an interpreter are which."""

    pixels: Any
    """Input (1, h, w, c)."""
    seconds: Any
    """Input (1, 1) float32."""
    state: Any
    """Input (1, S) float32."""
    new_state: Any
    """Output (1, S) float32."""
    logits: Any
    """Output (1, classes)."""


def step_tensors(
    path: Path, inputs: list[Any], outputs: list[Any], size: int, classes: int
) -> StepTensors:
    """Find the tensors of a step model by their shapes.

    Parameters
    ----------
    path
        The file, for messages.
    inputs, outputs
        What an interpreter says of them.
    size
        Width of the state as the file's metadata gives it.
    classes
        Of its metadata.

    Raises
    ------
    ModelError
        If the file has others.
    """
    wanted = {
        "inputs": [[1, 1], [1, size], "a crop"],
        "outputs": [[1, size], [1, classes]],
    }
    small = {tuple(_shape(t)): t for t in inputs if len(t["shape"]) != 4}
    crops = [t for t in inputs if len(t["shape"]) == 4]
    given = {tuple(_shape(t)): t for t in outputs}
    good = (
        len(inputs) == 3
        and len(crops) == 1
        and set(small) == {(1, 1), (1, size)}
        and len(outputs) == 2
        and set(given) == {(1, size), (1, classes)}
        and all(t["dtype"] == np.float32 for t in (*small.values(), given[1, size]))
    )
    if not good:
        raise ModelError(
            f"model {path}: expected a step model with a float32 state of {size}: inputs "
            f"{_listed(wanted['inputs'])}, outputs {_listed(wanted['outputs'])}; received inputs "
            f"{_listed(map(_described, inputs))}, outputs {_listed(map(_described, outputs))}",
            "make it with fer-train fit -r edge24-gru and fer-convert",
        )
    return StepTensors(crops[0], small[1, 1], small[1, size], given[1, size], given[1, classes])


def _shape(tensor: Any) -> list[int]:
    return [int(v) for v in tensor["shape"]]


def _described(tensor: Any) -> str:
    kind = np.dtype(tensor["dtype"]).name
    return f"{_shape(tensor)}" + ("" if kind == "float32" else f" {kind}")


def _listed(items: Any) -> str:
    return ", ".join(str(item) for item in items)
