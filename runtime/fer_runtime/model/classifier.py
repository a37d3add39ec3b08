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
from .crop import crop_face, crop_picture, to_model_input
from .interpreter import interpreter_class
from .metadata import DEFAULT_MODEL, ModelMetadata, is_shipped, model_path, read_model
from .recurrent import STILL_LOOKS, STILL_STEP_S, States, StepTensors, step_tensors
from .tensors import check_tensors

_LOGGER = logging.getLogger(__name__)

Probabilities = NDArray[np.float32]

_NOTHING = np.zeros(0)
_NO_STATE: States = np.zeros((0, 0), np.float32)


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
        self._step: StepTensors | None = None
        if metadata.state_size:
            self._step = step_tensors(
                self.path, inputs, outputs, metadata.state_size, len(metadata.classes)
            )
            inputs, outputs = [self._step.pixels], [self._step.logits]
        self.metadata = check_tensors(self.path, inputs, outputs, metadata)
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
        name = self.metadata.name or self.path.stem
        self.name = name.encode("utf-8", "replace").decode()  # a file's may be any bytes
        self.probabilities(np.zeros((1, *self.crop_shape), np.uint8))  # warm-up, and a trial

    @property
    def state_size(self) -> int:
        """Numbers that the model remembers of a face; 0 for a model without memory."""
        return self.metadata.state_size

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
        probabilities where the network ends in a softmax. A step model looks at each crop
        `recurrent.STILL_LOOKS` times.
        """
        if self._step is None:
            return self._logits(crops)[0]
        states = np.zeros((len(crops), self.state_size), np.float32)
        for number in range(STILL_LOOKS):
            seconds = np.full(len(crops), STILL_STEP_S if number else 0.0)
            out, states = self._logits(crops, seconds, states)
        return out

    def look(
        self, crops: NDArray[np.uint8], seconds: NDArray[np.float64], states: States
    ) -> tuple[Probabilities, States]:
        """Let a step model take one look at faces that it may know.

        Parameters
        ----------
        crops
            As for `logits`.
        seconds
            (N,) since the last look at each face; 0 at the first.
        states
            (N, `state_size`) float32 that the last look left; zeros at the first.

        Returns
        -------
        Probabilities as from `probabilities`, and the new states.
        """
        logits, new = self._logits(crops, seconds, states)
        return softmax(logits, self.metadata.temperature, self._log_prior), new

    def _logits(
        self,
        crops: NDArray[np.uint8],
        seconds: NDArray[np.float64] = _NOTHING,
        states: States = _NO_STATE,
    ) -> tuple[NDArray[np.float32], States]:
        if crops.shape[1:] != self.crop_shape or crops.dtype != np.uint8:
            raise ValueError(
                f"crops: expected (N, {', '.join(map(str, self.crop_shape))}) uint8, "
                f"received {crops.dtype} {crops.shape}"
            )
        if len(crops) == 0:
            return np.zeros((0, len(EMOTIONS)), np.float32), states
        out, new = self._invoke(crops, seconds, states)
        raw = out[:, self._order]
        if self.metadata.output == "probabilities":
            raw = as_logits(raw)
        return raw, new

    def probabilities(self, crops: NDArray[np.uint8]) -> Probabilities:
        """Return probabilities under the prior, (N, 7) float32, rows summing to 1.

        Input and order are those of `logits`; the temperature is the model's own. They are
        calibrated where the emotions are as common as the prior says.
        """
        return softmax(self.logits(crops), self.metadata.temperature, self._log_prior)

    def _invoke(
        self, crops: NDArray[np.uint8], seconds: NDArray[np.float64], states: States
    ) -> tuple[NDArray[np.float32], States]:
        """All faces of a frame in one call: the batch is resized to their number."""
        m, n, step = self.metadata, len(crops), self._step
        if n != self._batch:
            for tensor in [self._input] + ([step.seconds, step.state] if step else []):
                shape = [n, *(int(size) for size in tensor["shape"][1:])]
                self._interpreter.resize_tensor_input(tensor["index"], shape)
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
            if step is not None:
                since = np.asarray(seconds, np.float32)[:, np.newaxis]
                self._interpreter.set_tensor(step.seconds["index"], since)
                self._interpreter.set_tensor(step.state["index"], states)
            self._interpreter.invoke()
            out = self._interpreter.get_tensor(self._output["index"])
            if step is not None:
                states = self._interpreter.get_tensor(step.new_state["index"])
        except (ValueError, RuntimeError) as error:
            self._batch = 0
            raise ModelError(f"model {self.path}: cannot be run: {error}") from None
        if self._output["dtype"] != np.float32:
            scale, zero_point = self._output["quantization"]
            out = (out.astype(np.float32) - zero_point) * (scale or 1.0)
        finite = np.isfinite(out).all() and np.isfinite(states).all()
        if out.shape != (n, len(m.classes)) or not finite:
            raise ModelError(
                f"model {self.path}: expected finite output of shape {(n, len(m.classes))}, "
                f"received shape {out.shape}"
            )
        return np.asarray(out, np.float32), states


def as_logits(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return logarithms, which a softmax brings back, of what need not sum to 1.

    The floor is half a step of an int8 output.
    """
    return np.asarray(np.log(np.maximum(probabilities, 1.0 / 512.0)), np.float32)


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
