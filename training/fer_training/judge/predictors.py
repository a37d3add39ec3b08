"""One way to ask any model file: crops in, seven logits out.

A ``.tflite`` goes through the runtime's own classifier, so that what is measured is what runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ModelError, UsageError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.classifier import as_logits
from fer_runtime.model.crop import Color, crop_picture, resize, to_model_input
from fer_runtime.prior import TRAINING

from ..nets.heads import HEADS
from ..nets.networks import exported_head
from ..nets.shares import Shares, record_shares, without_prior
from ..progress import Progress
from .foreign import (
    NOTHING_TOLD,
    Foreign,
    check_classes,
    ends_in,
    missing_options,
    scales_itself,
    scaling_of,
)

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
    """(h, w, channels)."""
    run: Callable[[NDArray[np.uint8]], Logits]
    """(N, h, w) uint8 crops to (N, 7) logits in the order of EMOTIONS, without prior where the
    shares are known."""
    shares: Shares = field(default_factory=dict)
    """Of each emotion in training; empty where unknown."""
    foreign_color: Color | None = None
    """Colour order of a crop where three channels do not say it."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a crop in pixels."""
        return self.input_shape[0], self.input_shape[1]

    @property
    def color(self) -> Color:
        """Colour of a crop."""
        return self.foreign_color or ("gray" if self.input_shape[-1] == 1 else "rgb")

    def fitted(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring (N, h, w) or (N, h, w, 3) crops to the network's size and colour.

        Done as the runtime does it.
        """
        wanted = self.size if self.color == "gray" else (*self.size, 3)
        if crops.shape[1:] == wanted:
            return crops
        if crops.ndim == 4:  # in its colours already
            return np.stack([resize(c, self.size, cv2.INTER_LINEAR) for c in crops])
        return np.stack([crop_picture(c, size=self.size, color=self.color) for c in crops])

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
    foreign: Foreign = NOTHING_TOLD,
) -> Predictor:
    """Open a ``.keras``, ``.h5`` or ``.tflite`` file, or a shipped model by name.

    Parameters
    ----------
    head
        Which head of a Keras model with two, and whose labels a foreign model is for; by
        default ``fer2013``, or what the file says.
    threads, interpreter
        Only for a ``.tflite``, see `fer_runtime.model.classifier.Classifier`.
    foreign
        What a model that is not ours wants; others do not need it.

    Raises
    ------
    ModelError, UsageError
        If the file is unusable, or something about it has to be told.
    """
    if Path(path).suffix.lower() in (".keras", ".h5", ".hdf5"):
        return _open_keras(Path(path), head, foreign)
    return _open_tflite(path, head, threads, interpreter, foreign)


def _open_keras(path: Path, head: str | None, told: Foreign) -> Predictor:
    from ..nets.model_io import load_model
    from ..nets.networks import model_heads, single_head
    from ..nets.record import read_record, temperature_of

    model = load_model(path)
    record = read_record(path)
    names = {layer.name for layer in model.layers}
    if not (set(HEADS) & names or exported_head(names, record)):
        return _open_foreign(path, model, head, told)
    heads = model_heads(model, record)
    if head is not None and head not in heads:
        raise ModelError(f"model {path}: expected a head {head}, found {', '.join(heads)}")
    head = head or heads[0]
    network = single_head(model, head)
    shares, temperature = record_shares(record, head), temperature_of(record, head)
    if shares:
        without_prior(network, temperature, shares)
    shape, run = _crop_shape(path, network), forward(network)

    def logits(crops: NDArray[np.uint8]) -> Logits:
        return np.asarray(run(crops[..., np.newaxis].astype(np.float32)))

    name = f"{path.name}:{head}" if len(heads) > 1 else path.name
    return Predictor(name, head, temperature, shape, logits, shares)


def _open_foreign(path: Path, model: Any, head: str | None, told: Foreign) -> Predictor:
    """Open a network of somebody else's, with the options that the converter asks for too."""
    shape, outputs = _crop_shape(path, model), getattr(model, "output_shape", None)
    if not isinstance(outputs, tuple) or len(outputs) != 2 or len(shape) != 3:
        raise ModelError(f"model {path}: expected one output of (batch, classes), got {outputs}")
    itself = scales_itself([x for x in model.layers if x.__class__.__name__ != "InputLayer"])
    if missing := missing_options(told, outputs[1], shape[2], itself):
        raise UsageError(f"model {path}: it does not say what it wants; give {'; '.join(missing)}")
    check_classes(told.labels, outputs[1], str(path))
    multiply, add = scaling_of(told)
    run = forward(model)
    order = [told.labels.index(e) for e in EMOTIONS]
    probabilities = ends_in(run, shape, multiply, add) == "probabilities"

    def logits(crops: NDArray[np.uint8]) -> Logits:
        out = np.asarray(run(to_model_input(crops, multiply=multiply, add=add)))[:, order]
        return as_logits(out) if probabilities else out

    color = cast(Color, told.color) if told.color else None
    return Predictor(path.name, head or "fer2013", 1.0, shape, logits, foreign_color=color)


def _crop_shape(path: Path, network: Any) -> tuple[int, ...]:
    sizes = tuple(network.inputs[0].shape[1:])
    if len(sizes) != 3 or sizes[-1] not in (1, 3) or None in sizes:
        raise ModelError(f"model {path}: expected an input of (h, w, 1 or 3), received {sizes}")
    return tuple(int(v) for v in sizes)


def forward(network: Any) -> Callable[[NDArray[np.float32]], Any]:
    """Return a compiled forward pass: an array in, the network's outputs as arrays out.

    ``predict`` would set up a data pipeline for every call. A step network is asked as
    `gru.still` does.
    """
    from ..nets.gru import state_size, still
    from ..nets.networks import import_keras

    if state_size(network):
        network = still(network)

    if import_keras().backend.backend() == "tensorflow":
        import tensorflow as tf

        signature = tf.TensorSpec(network.inputs[0].shape, tf.float32)
        graph = tf.function(lambda x: network(x, training=False), input_signature=[signature])
        return lambda batch: _arrays(graph(tf.constant(batch)))
    return lambda batch: _arrays(network.predict_on_batch(batch))


def _arrays(outputs: Any) -> Any:
    if isinstance(outputs, dict):
        return {key: np.asarray(value, np.float32) for key, value in outputs.items()}
    return np.asarray(outputs, np.float32)


def _open_tflite(
    path: str | Path, head: str | None, threads: int, interpreter: str, told: Foreign
) -> Predictor:
    from fer_runtime.model.classifier import Classifier
    from fer_runtime.model.metadata import ModelMetadata

    multiply, add = scaling_of(told)
    color = cast(Color, told.color or "gray")
    foreign = ModelMetadata(
        classes=told.labels, multiply=multiply, add=add, color=color, output="unknown"
    )
    classifier = Classifier(
        path, threads=threads, interpreter=interpreter, prior=TRAINING,
        foreign=foreign if told.labels else None,
    )  # fmt: skip
    meta = classifier.metadata
    only = str(meta.training.get("head", ""))
    if head is not None and only in HEADS and head != only:
        raise ModelError(
            f"model {classifier.path}: expected a head {head}, found {only} alone",
            "to judge it by the other labels give --truth",
        )
    said = " ".join([only, meta.name, classifier.path.stem])
    head = head or ("ferplus" if "ferplus" in said else "fer2013")
    shape = (meta.height, meta.width, meta.channels)
    return Predictor(
        classifier.path.name, head, meta.temperature, shape, classifier.logits, meta.shares,
        meta.color,
    )  # fmt: skip
