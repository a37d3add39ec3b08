"""Whether a model file takes and gives what its metadata says."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from .crop import Color
from .metadata import ModelMetadata

_LOGGER = logging.getLogger(__name__)


def check_tensors(
    path: Path, inputs: list[Any], outputs: list[Any], metadata: ModelMetadata
) -> ModelMetadata:
    """Compare what the file holds with what its metadata says; fill in what it cannot say."""
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"model {path}: expected one input and one output, received "
            f"{len(inputs)} and {len(outputs)}"
        )
    for tensor, what in ((inputs[0], "input"), (outputs[0], "output")):
        if tensor["dtype"] not in (np.float32, np.int8, np.uint8):
            raise ModelError(
                f"model {path}: expected a float32, int8 or uint8 {what}, received "
                f"{np.dtype(tensor['dtype']).name}"
            )
    shape = [int(v) for v in inputs[0]["shape"]]
    wanted = [1, metadata.height, metadata.width, metadata.channels]
    if metadata.output == "unknown" and len(shape) == 4 and shape[3] in (1, 3):
        # A foreign file: take its own size, and what its channels allow to be guessed.
        color: Color = "gray" if shape[3] == 1 else "bgr" if metadata.color == "bgr" else "rgb"
        metadata = replace(metadata, height=shape[1], width=shape[2], color=color)
        wanted = [1, *shape[1:]]
    if shape != wanted:
        raise ModelError(f"model {path}: expected input of shape {wanted}, received {shape}")
    classes = [int(v) for v in outputs[0]["shape"]]
    if classes != [1, len(metadata.classes)]:
        raise ModelError(
            f"model {path}: expected output of shape {[1, len(metadata.classes)]} "
            f"({', '.join(metadata.classes)}), received {classes}"
        )
    if metadata.output == "unknown":
        _LOGGER.warning(
            "model %s has no metadata: pixels 0-255 %s and an output of probabilities are assumed",
            path,
            metadata.color,
        )
        metadata = replace(metadata, output="probabilities")
    try:
        metadata.validate()
    except ValueError as error:
        raise ModelError(f"model {path}: {error}") from None
    return metadata
