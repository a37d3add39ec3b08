"""The emotion classifier: crops in, calibrated probabilities out."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Box, Image
from ..errors import ModelError, quiet_stderr
from ..labels import EMOTIONS
from ..prior import DEFAULT_PRIOR, TRAINING, log_prior
from .crop import Color, crop_face, crop_picture, to_model_input
from .interpreter import interpreter_class
from .metadata import DEFAULT_MODEL, ModelMetadata, is_shipped, model_path, read_model

_LOGGER = logging.getLogger(__name__)

Probabilities = NDArray[np.float32]


class Classifier:
    """A .tflite emotion network, loaded, checked and warmed up.

    Parameters
    ----------
    model
        Name of a shipped model (``fer2013``, ``ferplus``) or path of a .tflite.
    threads
        Threads of the interpreter, 1 or more.
    interpreter
        ``auto``, ``litert`` or ``tflite-runtime``.
    labels
        Class names of a foreign model without metadata, in the order of its outputs.
    foreign
        Metadata to use where the file carries none; `labels` replaces its classes.
    prior
        How common each emotion is taken to be, see `prior.log_prior`.
    trusted
        Skip the guarded trial run in a child process that files of unknown origin get.

    Raises
    ------
    ModelError
        If the file is unusable: what was expected, what was received.

    Notes
    -----
    An interpreter is not safe to share between threads; neither is this object.
    """

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        *,
        threads: int = 1,
        interpreter: str = "auto",
        labels: tuple[str, ...] | None = None,
        foreign: ModelMetadata | None = None,
        prior: str = DEFAULT_PRIOR,
        trusted: bool = False,
    ) -> None:
        self.path = model_path(str(model))
        flatbuffer, metadata = read_model(self.path)
        if metadata is None and labels is None and foreign is None:
            raise ModelError(
                f"model {self.path}: it carries no metadata, so its classes are unknown",
                f"give them in the order of its outputs: --labels {','.join(EMOTIONS)}",
            )
        metadata = metadata or foreign or ModelMetadata(output="unknown")
        if labels is not None:
            metadata = replace(metadata, classes=labels)
        missing = set(EMOTIONS) - set(metadata.classes)
        if missing:
            raise ModelError(
                f"model {self.path}: expected the classes {', '.join(EMOTIONS)}, received "
                f"{', '.join(metadata.classes)} ({', '.join(sorted(missing))} missing)"
            )
        self.interpreter_name, make = interpreter_class(interpreter)
        if not trusted and not is_shipped(self.path):
            # A damaged flatbuffer can crash the interpreter, which no except clause catches.
            from .probe import probe

            probe(self.path, self.interpreter_name)
        try:
            with quiet_stderr():
                self._interpreter: Any = make(model_content=flatbuffer, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"model {self.path}: {self.interpreter_name} cannot load it: {error}"
            ) from None
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        self.metadata = _check_tensors(self.path, inputs, outputs, metadata)
        self._input, self._output = inputs[0], outputs[0]
        self._log_prior = log_prior(prior, self.metadata.shares)
        if not self.metadata.shares and prior != TRAINING:
            _LOGGER.warning(
                "model %s does not say how common each emotion was in its training: "
                "its own prior stays, as with classifier.prior: training",
                self.path,
            )
        self._order = [self.metadata.classes.index(e) for e in EMOTIONS]
        self._batch = 0
        self.name = self.metadata.name or self.path.stem
        self.probabilities(np.zeros((1, *self.crop_shape), np.uint8))  # warm-up, and a trial

    @property
    def crop_shape(self) -> tuple[int, ...]:
        """Shape of one crop: (h, w) for grey, (h, w, 3) for colour."""
        m = self.metadata
        return (m.height, m.width) if m.color == "gray" else (m.height, m.width, 3)

    def crop(self, frame: Image, box: Box) -> Image:
        """Cut a face the way this model wants it; see `crop.crop_face`."""
        m = self.metadata
        size = (m.height, m.width)
        return crop_face(frame, box, scale=m.crop_scale, size=size, color=m.color)

    def crop_picture(self, picture: Image) -> Image:
        """Turn a picture that already is one face's crop into this model's input size."""
        m = self.metadata
        return crop_picture(picture, size=(m.height, m.width), color=m.color)

    def logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network.

        Parameters
        ----------
        crops
            (N, h, w) or (N, h, w, 3) uint8, of `crop_shape`; N may be 0.

        Returns
        -------
        (N, 7) float32 in the order of `labels.EMOTIONS`: logits, or the logarithm of the
        probabilities where the network ends in a softmax.
        """
        if crops.shape[1:] != self.crop_shape or crops.dtype != np.uint8:
            raise ValueError(
                f"crops: expected (N, {', '.join(map(str, self.crop_shape))}) uint8, "
                f"received {crops.dtype} {crops.shape}"
            )
        if len(crops) == 0:
            return np.zeros((0, len(EMOTIONS)), np.float32)
        raw = self._invoke(crops)[:, self._order]
        if self.metadata.output == "probabilities":
            # Renormalised by the softmax later; the floor is half a step of an int8 output.
            return np.asarray(np.log(np.maximum(raw, 1.0 / 512.0)), np.float32)
        return raw

    def probabilities(self, crops: NDArray[np.uint8]) -> Probabilities:
        """Return probabilities under the prior, (N, 7) float32, rows summing to 1.

        Input and order are those of `logits`; the temperature is the model's own. They are
        calibrated where the emotions are as common as the prior says.
        """
        return softmax(self.logits(crops), self.metadata.temperature, self._log_prior)

    def _invoke(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """All faces of a frame in one call: the batch is resized to their number."""
        m, n = self.metadata, len(crops)
        if n != self._batch:
            shape = [n, m.height, m.width, m.channels]
            self._interpreter.resize_tensor_input(self._input["index"], shape)
            self._interpreter.allocate_tensors()
            self._batch = n
        batch = to_model_input(
            crops,
            multiply=m.multiply,
            add=m.add,
            dtype=self._input["dtype"],
            quantization=self._input["quantization"],
        )
        try:
            self._interpreter.set_tensor(self._input["index"], batch)
            self._interpreter.invoke()
            out = self._interpreter.get_tensor(self._output["index"])
        except (ValueError, RuntimeError) as error:
            self._batch = 0
            raise ModelError(f"model {self.path}: cannot be run: {error}") from None
        if self._output["dtype"] != np.float32:
            scale, zero_point = self._output["quantization"]
            out = (out.astype(np.float32) - zero_point) * (scale or 1.0)
        if out.shape != (n, len(m.classes)) or not np.isfinite(out).all():
            raise ModelError(
                f"model {self.path}: expected finite output of shape {(n, len(m.classes))}, "
                f"received shape {out.shape}"
            )
        return np.asarray(out, np.float32)


def softmax(
    logits: NDArray[np.float32],
    temperature: float = 1.0,
    log_prior: NDArray[np.float32] | None = None,
) -> Probabilities:
    """Return exp(z / T) · prior, normalised over the last axis, float32; see `prior`."""
    z = logits / np.float32(temperature)
    if log_prior is not None:
        z = z + log_prior
    e = np.exp(z - z.max(axis=-1, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)


def _check_tensors(
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
    if len(shape) == 5:
        raise ModelError(
            f"model {path}: expected input of shape {wanted}, one crop, received {shape}, a "
            f"sequence of {shape[1]} crops, which fer-runtime does not feed"
        )
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
