"""Opens TensorFlow's SavedModel folders, which may hold code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import ModelError

# Graph operators that run code or touch files; a SavedModel that has them is not a network.
_FORBIDDEN_OPS: Final = frozenset(
    {"PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "WriteFile"}
)


def open_signature(path: Path) -> tuple[str, Any, Any]:
    """Load a SavedModel folder that runs no code of its own.

    Returns
    -------
    Key of its serving signature, the signature, which has one input and one output, and the
    loaded model.

    Raises
    ------
    ModelError
        If it is damaged, runs code, or has no such signature.
    """
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
    return key, signature, loaded
