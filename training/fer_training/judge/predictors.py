"""One way to ask any model file: crops in, seven logits out.

A ``.tflite`` goes through the runtime's own classifier, so that what is measured is what runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ModelError
from fer_runtime.model.crop import Color

from ..progress import Progress

Logits = NDArray[np.float32]
_BATCH = 128


@dataclass(frozen=True)
class Predictor:
    """A loaded model."""

    name: str
    """File name, with the head where the file has several."""
    head: str
    """Whose labels it was trained for: ``fer2013`` or ``ferplus``."""
    temperature: float
    """Stored in the file; 1 where none is."""
    input_shape: tuple[int, ...]
    """(h, w, channels), or (frames, h, w, channels) of a recurrent network."""
    run: Callable[[NDArray[np.uint8]], Logits]
    """(N, h, w) uint8 crops to (N, 7) logits in the order of EMOTIONS."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a crop in pixels."""
        return self.input_shape[-3], self.input_shape[-2]

    @property
    def color(self) -> Color:
        """Colour of a crop."""
        return "gray" if self.input_shape[-1] == 1 else "rgb"

    @property
    def frames(self) -> int:
        """Length of a sequence; 0 for a network that takes single crops."""
        return self.input_shape[0] if len(self.input_shape) == 4 else 0

    def logits(
        self, crops: NDArray[np.uint8], progress: Progress | None = None
    ) -> tuple[Logits, float]:
        """Run over all crops in batches of 128; return (N, 7) logits and pictures a second."""
        self.run(crops[: min(len(crops), _BATCH)])  # compile and warm up outside the clock
        starts = range(0, len(crops), _BATCH)
        start_s = time.perf_counter()
        parts = [
            self.run(crops[i : i + _BATCH])
            for i in (progress(starts, self.name) if progress else starts)
        ]
        rate = len(crops) / max(1e-9, time.perf_counter() - start_s)
        return np.concatenate(parts), rate


def open_predictor(
    path: str | Path,
    *,
    head: str | None = None,
    threads: int = 1,
    interpreter: str = "auto",
    labels: tuple[str, ...] | None = None,
) -> Predictor:
    """Open a ``.keras``, ``.h5`` or ``.tflite`` file, or a shipped model by name.

    Parameters
    ----------
    head
        Which head of a Keras model with two, and whose labels the model is for; by default
        ``fer2013``, or what the file says.
    threads, interpreter, labels
        Only for a ``.tflite``, see `fer_runtime.model.classifier.Classifier`.

    Raises
    ------
    ModelError
        If the file is unusable.
    """
    if Path(path).suffix.lower() in (".keras", ".h5", ".hdf5"):
        return _open_keras(Path(path), head)
    return _open_tflite(path, head, threads, interpreter, labels)


def _open_keras(path: Path, head: str | None) -> Predictor:
    from ..nets.model_io import load_model
    from ..nets.networks import model_heads, single_head
    from ..nets.record import read_record, temperature_of

    model = load_model(path)
    heads = model_heads(model)
    record = read_record(path)
    if head is None:
        own = list((record or {}).get("heads", {}))
        head = own[0] if len(own) == 1 else heads[0]
    network = single_head(model, head if head in heads else heads[0])
    if len(heads) > 1 and head not in heads:
        raise ModelError(f"model {path}: expected a head {head}, found {', '.join(heads)}")
    shape = tuple(int(v) for v in network.input_shape[1:])
    if len(shape) not in (3, 4) or shape[-1] not in (1, 3):
        raise ModelError(f"model {path}: expected an input of (h, w, 1 or 3), received {shape}")
    run = forward(network)

    def logits(crops: NDArray[np.uint8]) -> Logits:
        batch = crops if crops.ndim == len(shape) + 1 else crops[..., np.newaxis]
        return np.asarray(run(batch.astype(np.float32)))

    name = f"{path.name}:{head}" if len(heads) > 1 else path.name
    return Predictor(name, head, temperature_of(record, head), shape, logits)


def forward(network: Any) -> Callable[[NDArray[np.float32]], Any]:
    """Return a compiled forward pass: an array in, the network's outputs as arrays out.

    ``predict`` would set up a data pipeline for every call.
    """
    from ..nets.networks import import_keras

    if import_keras().backend.backend() == "tensorflow":
        import tensorflow as tf

        signature = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
        graph = tf.function(lambda x: network(x, training=False), input_signature=[signature])
        return lambda batch: _arrays(graph(tf.constant(batch)))
    return lambda batch: _arrays(network.predict_on_batch(batch))


def _arrays(outputs: Any) -> Any:
    if isinstance(outputs, dict):
        return {key: np.asarray(value, np.float32) for key, value in outputs.items()}
    return np.asarray(outputs, np.float32)


def _open_tflite(
    path: str | Path,
    head: str | None,
    threads: int,
    interpreter: str,
    labels: tuple[str, ...] | None,
) -> Predictor:
    from fer_runtime.model.classifier import Classifier

    classifier = Classifier(path, threads=threads, interpreter=interpreter, labels=labels)
    meta = classifier.metadata
    said = " ".join([str(meta.training.get("head", "")), meta.name, classifier.path.stem])
    head = head or ("ferplus" if "ferplus" in said else "fer2013")
    shape = (meta.height, meta.width, meta.channels)
    return Predictor(classifier.path.name, head, meta.temperature, shape, classifier.logits)
