"""Loads a SavedModel folder: a graph with a signature, whoever made it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import ModelError
from fer_training.judge.foreign import Foreign, ends_in, scaling_of

from .job import Job
from .keras_file import KerasFile
from .source import Source, class_count, input_shape, sha256

# Graph operators that run code or touch files; a SavedModel that has them is not a network.
_FORBIDDEN_OPS = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "WriteFile"})


def load_saved_model(path: Path, found: KerasFile, job: Job) -> Source:
    """Load `path` and describe its one signature; errors as `source.load_source`."""
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        description = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        used = {
            node.op
            for graph in description.meta_graphs
            for nodes in (graph.graph_def.node, *(f.node_def for f in
                                                  graph.graph_def.library.function))
            for node in nodes
        }  # fmt: skip
        if used & _FORBIDDEN_OPS:
            raise ModelError(
                f"model {path}: it runs code or reads files, which is never done: "
                f"{', '.join(sorted(used & _FORBIDDEN_OPS))}"
            )
        loaded = tf.saved_model.load(str(path))
        signatures = dict(loaded.signatures)
    except ModelError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        raise ModelError(f"model {path}: TensorFlow cannot load it: {text[:300]}") from None
    key = "serving_default" if "serving_default" in signatures else next(iter(signatures), "")
    if not key:
        raise ModelError(f"model {path}: expected a serving signature, received none")
    signature = signatures[key]
    entries = signature.structured_input_signature[1]
    results = signature.structured_outputs
    if len(entries) != 1 or len(results) != 1:
        raise ModelError(
            f"model {path}: expected one input and one output, received {len(entries)} and "
            f"{len(results)}"
        )
    (entry, spec), (out, result) = next(iter(entries.items())), next(iter(results.items()))
    frames, height, width, channels = input_shape(path, spec.shape)

    if spec.dtype != tf.float32:
        raise ModelError(
            f"model {path}: expected a signature with float32 pixels, received {spec.dtype.name}",
            "save it again with a float32 input, the cast inside the network",
        )
    scaling = scaling_of(Foreign(job.labels, job.scale, job.color))

    def call(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(signature(**{entry: tf.constant(batch)})[out], np.float32)

    return Source(
        found,
        sha256(path / "saved_model.pb"),
        frames,
        height,
        width,
        channels,
        class_count(path, result.shape),
        ends_in(call, (height, width, channels), *scaling),
        False,
        "",
        {},
        1.0,
        sum(int(np.prod(v.shape)) for v in getattr(loaded, "variables", ())),
        call,
        lambda: tf.lite.TFLiteConverter.from_saved_model(str(path), signature_keys=[key]),
    )
