"""Loads the network to convert; the only module that needs Keras."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ConfigError, ModelError, UsageError
from fer_runtime.model.recurrent import STILL_LOOKS, STILL_STEP_S
from fer_training.judge.foreign import Foreign, ends_in, scales_itself, scaling_of
from fer_training.nets.frameworks import without_wrapped_libraries
from fer_training.nets.model_io import CUSTOM_REMEDY, not_keras_own
from fer_training.nets.shares import Shares

from .head import one_head
from .job import Job, parse_size
from .keras_file import KerasFile, check_runs_no_code, read_keras_file
from .saved_model import open_signature

Feed = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Source:
    """A network ready to convert and to compare with."""

    file: KerasFile
    sha256: str
    state_size: int
    """Numbers that a step network remembers of a face; 0 for a network without memory."""
    height: int
    width: int
    channels: int
    outputs: int
    ends_in: str
    """``logits`` or ``probabilities``."""
    scales_itself: bool
    """Whether it begins with a Rescaling or Normalization layer."""
    head: str
    """Name of the head where the network is one of the trainer's, else empty."""
    shares: Shares
    """Of each emotion in training, taken out of its logits; empty where they are unknown."""
    temperature: float
    """The trainer's, 1 where it has none."""
    parameters: int
    call: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    """(N, h, w, c) float32 in the network's own range -> (N, outputs) float32; a step network is
    asked as `fer_training.nets.gru.still` does."""
    remember: Callable[[NDArray[np.float32]], Feed]
    """Pictures as `call` -> what a step network may be given when it sees them, by input."""
    make_converter: Callable[[], Any]
    """Returns a fresh ``tf.lite.TFLiteConverter``."""


def load_source(job: Job) -> Source:
    """Load what `job.source` names and check that it is a picture classifier.

    Raises
    ------
    ModelError
        If it is damaged, runs code of its own, or has other inputs or outputs.
    UsageError
        If it leaves open what the command line must say.
    """
    path = Path(job.source)
    found = read_keras_file(path)
    check_runs_no_code(path, found)
    _import_tensorflow()
    if found.format == "savedmodel":
        return _load_saved_model(path, found, job)
    return _load_keras(path, found, job)


def _import_tensorflow() -> None:
    try:
        with without_wrapped_libraries():
            import keras
            import tensorflow as tf
    except ImportError as error:
        raise ConfigError(
            f"TensorFlow cannot be imported ({error})", "run: pip install 'fer-edge[convert]'"
        ) from None
    if keras.backend.backend() != "tensorflow":
        raise ConfigError("Keras uses another backend than TensorFlow", "set KERAS_BACKEND")
    tf.get_logger().setLevel("ERROR")


def _load_keras(path: Path, found: KerasFile, job: Job) -> Source:
    import keras
    import tensorflow as tf

    from fer_training.nets.gru import state_size, still

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        if needed := not_keras_own(error):
            raise ModelError(f"model {path}: {needed}", CUSTOM_REMEDY) from None
        text = " ".join(str(error).split())
        raise ModelError(f"model {path}: Keras cannot load it: {text[:300]}") from None
    if not hasattr(model, "inputs") or not hasattr(model, "outputs"):
        raise ModelError(f"model {path}: expected a Sequential or Functional network")
    model, head, shares, temperature = one_head(model, path, job, found.record)
    model = _fixed_size(model, path, job)
    size = state_size(model)
    if len(model.inputs) != 1 and not (head and size):
        raise ModelError(f"model {path}: expected one input, received {len(model.inputs)}")
    height, width, channels = _input_shape(path, model.inputs[0].shape)
    outputs = _class_count(path, model.outputs[0].shape)
    scaling = scaling_of(Foreign(job.labels, job.scale, job.color))
    # A step network is one of ours, which end in logits.
    model, ending = (model, "logits") if size else _without_softmax(model)
    model.trainable = False
    asked = still(model) if size else model

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def forward(batch: Any) -> Any:
        return asked(batch, training=False)

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(forward(tf.constant(batch)), np.float32)

    return Source(
        found,
        _sha256(path),
        size,
        height,
        width,
        channels,
        outputs,
        ending or ends_in(call, (height, width, channels), *scaling),
        scales_itself(_flat_layers(model)),
        head,
        shares,
        temperature,
        int(model.count_params()),
        call,
        lambda pictures: remembered(model, pictures),
        lambda: tf.lite.TFLiteConverter.from_keras_model(model),
    )


def _fixed_size(model: Any, path: Path, job: Job) -> Any:
    """Give a network that takes any size the size of --input-size."""
    import keras

    shape = list(model.inputs[0].shape)
    if len(shape) != 4 or None not in shape[1:3]:
        if job.input_size and shape[1:3] != list(parse_size(job.input_size)):
            raise UsageError(f"--input-size {job.input_size}: model {path} takes {shape[1:]}")
        return model
    if not job.input_size:
        raise UsageError(
            f"model {path}: it takes pictures of any size", "choose one, such as --input-size 48x48"
        )
    entry = keras.Input((*parse_size(job.input_size), shape[3]))
    return keras.Model(entry, model(entry))


def _input_shape(path: Path, shape: Any) -> tuple[int, int, int]:
    """Return height, width and channels of an input."""
    sizes = [None if v is None else int(v) for v in shape]
    if len(sizes) == 4 and sizes[3] in (1, 3):
        _batch, height, width, channels = sizes
        if height and width and channels:
            return height, width, channels
    raise ModelError(
        f"model {path}: expected an input of (batch, height, width, 1 or 3), received {sizes}"
    )


def _class_count(path: Path, shape: Any) -> int:
    """Return the outputs of a classifier; ModelError where the shape is another."""
    sizes = [None if v is None else int(v) for v in shape]
    if len(sizes) != 2 or sizes[1] is None or sizes[1] < 2:
        raise ModelError(f"model {path}: expected an output of (batch, classes), received {sizes}")
    return sizes[1]


def _flat_layers(model: Any) -> list[Any]:
    """Return the layers that do something, nested models opened, in order."""
    layers = []
    for layer in model.layers:
        if hasattr(layer, "layers"):
            layers += _flat_layers(layer)
        elif layer.__class__.__name__ != "InputLayer":
            layers.append(layer)
    return layers


def _without_softmax(model: Any) -> tuple[Any, str]:
    """Take a final softmax off: int8 probabilities have steps of 1/256, logits keep theirs.

    Returns
    -------
    The model, and ``logits`` where it is now known to end in them, else an empty string.
    """
    import keras

    last = outer = model.outputs[0]._keras_history.operation
    while hasattr(last, "layers"):
        last = last.outputs[0]._keras_history.operation
    softmax = getattr(last, "activation", None) is keras.activations.softmax
    if softmax and hasattr(last, "kernel"):
        last.activation = keras.activations.linear
        return model, "logits"
    lone = last.__class__.__name__ == "Softmax" or (
        softmax and last.__class__.__name__ == "Activation"
    )
    if lone and last is outer:
        return keras.Model(model.inputs, last.input), "logits"
    if last.__class__.__name__ == "Dense" and last.activation is keras.activations.linear:
        return model, "logits"
    return model, ""


def _load_saved_model(path: Path, found: KerasFile, job: Job) -> Source:
    import tensorflow as tf

    key, signature, loaded = open_signature(path)
    (entry, spec) = next(iter(signature.structured_input_signature[1].items()))
    (out, result) = next(iter(signature.structured_outputs.items()))
    height, width, channels = _input_shape(path, spec.shape)
    scaling = scaling_of(Foreign(job.labels, job.scale, job.color))

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(signature(**{entry: tf.constant(batch)})[out], np.float32)

    return Source(
        found,
        _sha256(path / "saved_model.pb"),
        0,
        height,
        width,
        channels,
        _class_count(path, result.shape),
        ends_in(call, (height, width, channels), *scaling),
        False,
        "",
        {},
        1.0,
        sum(int(np.prod(v.shape)) for v in getattr(loaded, "variables", ())),
        call,
        lambda pictures: {entry: pictures},
        lambda: tf.lite.TFLiteConverter.from_saved_model(str(path), signature_keys=[key]),
    )


def remembered(model: Any, pictures: NDArray[np.float32]) -> Feed:
    """Return inputs of a step network as they come when it runs, (N, ...) by the input's name.

    A third of the faces are new, a third have held still, a third showed another picture before.
    """

    def after(shown: NDArray[np.float32]) -> NDArray[np.float32]:
        states = []
        for start in range(0, len(shown), 64):
            part = shown[start : start + 64]
            state = np.zeros((len(part), int(model.inputs[2].shape[-1])), np.float32)
            for _ in range(STILL_LOOKS):
                since = np.full((len(part), 1), STILL_STEP_S, np.float32)
                state = np.asarray(model([part, since, state], training=False)["state"])
            states.append(state)
        return np.concatenate(states)

    state, seconds = after(np.roll(pictures, 1, axis=0)), np.full((len(pictures), 1), STILL_STEP_S)
    state[1::3] = after(pictures)[1::3]
    state[::3], seconds[::3] = 0.0, 0.0
    return {"pixels": pictures, "seconds": seconds.astype(np.float32), "state": state}


def _sha256(path: Path) -> str:
    """Return the digest of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
