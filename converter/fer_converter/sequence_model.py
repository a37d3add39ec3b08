"""TFLite files of sequence networks: several crops of one face in, one answer out.

`fer_runtime.model.classifier` gives single crops, so what runs such a file stands here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ModelError, quiet_stderr
from fer_runtime.model.crop import to_model_input
from fer_runtime.model.interpreter import interpreter_class
from fer_runtime.model.metadata import ModelMetadata, read_model

SEQUENCE_KEY: Final = "sequence_frames"
"""Key of the metadata's ``training``: crops in a sequence."""


def frames_of(metadata: ModelMetadata | None) -> int:
    """Return the crops in a sequence; 0 for a network of single pictures."""
    frames = metadata.training.get(SEQUENCE_KEY, 0) if metadata else 0
    return frames if isinstance(frames, int) and frames > 0 else 0


def sequence_input(sequences: NDArray[np.uint8], **how: Any) -> NDArray[Any]:
    """Turn (N, frames, h, w) uint8 into the network's (N, frames, h, w, 1).

    `how` is that of `fer_runtime.model.crop.to_model_input`, which does it pixel by pixel.
    """
    count, frames, height, width = sequences.shape
    batch = to_model_input(sequences.reshape(-1, height, width), **how)
    return batch.reshape(count, frames, height, width, 1)


class SequenceClassifier:
    """A .tflite of one of the trainer's sequence networks, loaded.

    Parameters
    ----------
    model
        Path of a .tflite with metadata that names the frames.
    interpreter
        ``litert`` or ``tflite-runtime``.
    threads
        Threads of the interpreter, 1 or more.

    Raises
    ------
    ModelError
        If it cannot be loaded or is not what its metadata says.
    """

    def __init__(self, model: Path, *, interpreter: str, threads: int = 1) -> None:
        flatbuffer, metadata = read_model(model)
        frames = frames_of(metadata)
        name, make = interpreter_class(interpreter)
        try:
            with quiet_stderr():
                self._interpreter: Any = make(model_content=flatbuffer, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"model {model}: {name} cannot load it: {error}") from None
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        assert metadata is not None
        wanted = [1, frames, metadata.height, metadata.width, 1]
        received = [int(size) for size in self._input["shape"]]
        if received != wanted:
            raise ModelError(f"model {model}: expected input of shape {wanted}, got {received}")
        self._scale = {"multiply": metadata.multiply, "add": metadata.add}
        self._batch = 1

    def logits(self, sequences: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (N, 7) float32 logits in the order of EMOTIONS for (N, frames, h, w) uint8."""
        index = self._input["index"]
        if len(sequences) != self._batch:
            shape = [len(sequences), *(int(size) for size in self._input["shape"][1:])]
            self._interpreter.resize_tensor_input(index, shape)
            self._interpreter.allocate_tensors()
            self._batch = len(sequences)
        batch = sequence_input(
            sequences,
            dtype=self._input["dtype"],
            quantization=self._input["quantization"],
            **self._scale,
        )
        self._interpreter.set_tensor(index, batch)
        self._interpreter.invoke()
        out = self._interpreter.get_tensor(self._output["index"])
        if self._output["dtype"] != np.float32:
            scale, zero_point = self._output["quantization"]
            out = (out.astype(np.float32) - zero_point) * scale
        return np.asarray(out, np.float32)
