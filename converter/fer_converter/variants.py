"""Builds one TFLite flatbuffer per quantisation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ModelError

from .job import VARIANTS
from .source import Feed


def build_variant(
    make_converter: Any,
    variant: str,
    calibration: NDArray[np.float32] | Feed | None,
    name: str,
    int8: bytes = b"",
) -> bytes:
    """Convert a network.

    Parameters
    ----------
    make_converter
        Returns a fresh ``tf.lite.TFLiteConverter`` of it.
    variant
        One of `job.VARIANTS`: ``none`` float32; ``float16`` weights; ``dynamic`` int8 weights
        and float activations; ``int8`` both, with float input and output; ``int8-io`` with int8
        input and output as well.
    calibration
        (N, h, w, c) float32, the network's input for real pictures, or of a step network N rows
        for each input by name; for int8 only.
    name
        Of the model, for messages.
    int8
        The variant ``int8``, where it is there already: ``int8-io`` is the same but for its input
        and output, so that it need not be calibrated and built anew.

    Raises
    ------
    ModelError
        If TensorFlow Lite cannot express it.
    """
    import tensorflow as tf

    if variant not in VARIANTS:
        raise ValueError(f"variant: expected one of {VARIANTS}, received {variant!r}")
    if variant == "int8-io" and isinstance(calibration, dict):
        raise ModelError(f"model {name}: int8-io: a step network's state stays float32")
    if variant == "int8-io" and (blob := _with_int8_ends(int8)):
        return blob
    converter = make_converter()
    if variant != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif variant == "dynamic":
        # Without it TensorFlow 2.21 writes FULLY_CONNECTED version 12, which
        # tflite-runtime 2.14 does not know.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    elif variant in ("int8", "int8-io"):
        if calibration is None or len(calibration) == 0:
            raise ModelError(f"model {name}: {variant} needs real pictures to set its ranges")
        rows = calibration

        def batches() -> Iterator[Any]:
            if isinstance(rows, dict):
                for i in range(len(next(iter(rows.values())))):
                    yield {key: values[i : i + 1] for key, values in rows.items()}
            else:
                for i in range(len(rows)):
                    yield [rows[i : i + 1]]

        converter.representative_dataset = batches
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if variant == "int8-io":
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about statistics that int8 with float I/O lacks
            return bytes(converter.convert())
    except Exception as error:
        # The converter's errors have no common class; the reason stands in one of their lines.
        raise ModelError(
            f"model {name}: TensorFlow Lite cannot express it as {variant}: {_reason(error)}"
        ) from None


def _with_int8_ends(int8: bytes) -> bytes:
    """Take the float input and output off, which is the converter's own last step.

    Empty where that cannot be had alone: it is not part of TensorFlow's public interface.
    """
    import tensorflow as tf

    try:
        from tensorflow.lite.python.util import modify_model_io_type
    except ImportError:
        return b""
    if not int8:
        return b""
    return bytes(modify_model_io_type(int8, tf.int8, tf.int8))


def _reason(error: Exception) -> str:
    """Return the line of a converter's message that tells most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for mark in ("ops are not supported", "error:", "Flex"):
        for line in lines:
            if mark in line:
                return line[:300]
    return lines[0][:300] if lines else type(error).__name__
