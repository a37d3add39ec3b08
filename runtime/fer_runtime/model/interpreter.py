"""Which TFLite interpreter to use: ai-edge-litert or tflite-runtime.

Both offer the same ``Interpreter`` class; LiteRT is the renamed successor and several times
faster on int8 models. ``tf.lite.Interpreter`` is deprecated and never used.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Final

import numpy as np

from ..errors import ModelError, shortage

INTERPRETERS: Final = ("litert", "tflite-runtime")
_MODULES: Final = {
    "litert": ("ai_edge_litert", "ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime", "tflite_runtime.interpreter", "tflite-runtime"),
}


def installed_interpreters() -> list[str]:
    """Return the names of the installed interpreters, the preferred one first."""
    return [name for name in INTERPRETERS if importlib.util.find_spec(_MODULES[name][0])]


def interpreter_version(name: str) -> str:
    """Return the version of an installed interpreter, such as ``2.3.0``."""
    # Here, since it brings the e-mail parser with it: two megabytes that a run does not need.
    from importlib import metadata

    return metadata.version(_MODULES[name][2])


def interpreter_class(wanted: str = "auto") -> tuple[str, Any]:
    """Import an interpreter.

    Parameters
    ----------
    wanted
        ``litert``, ``tflite-runtime``, or ``auto`` for the first that is installed.

    Returns
    -------
    Its name and its ``Interpreter`` class.

    Raises
    ------
    ModelError
        If it is not installed or does not import.
    """
    found = installed_interpreters()
    if wanted == "auto":
        if not found:
            raise ModelError(
                "no TFLite interpreter is installed", "run: pip install ai-edge-litert"
            )
        wanted = found[0]
    elif wanted not in INTERPRETERS:
        raise ModelError(f"interpreter: expected auto, litert or tflite-runtime, got {wanted!r}")
    elif wanted not in found:
        line = "'fer-edge[tflite-runtime]'" if wanted == "tflite-runtime" else "ai-edge-litert"
        raise ModelError(f"interpreter {wanted} is not installed", f"run: pip install {line}")
    try:
        if wanted == "tflite-runtime":
            _check_numpy()
        return wanted, importlib.import_module(_MODULES[wanted][1]).Interpreter
    except ImportError as error:
        if shortage(error):
            raise  # it is whole: to install it again would not help
        raise ModelError(
            f"interpreter {wanted} does not import: {error}",
            f"run: pip install --force-reinstall {_MODULES[wanted][2]}",
        ) from None


def _check_numpy() -> None:
    """tflite-runtime 2.14 dies inside C code with numpy 2; say so before it does."""
    version = np.__version__
    if int(version.split(".")[0]) >= 2:
        raise ModelError(
            f"tflite-runtime needs numpy 1, received numpy {version}",
            "run: pip install 'fer-edge[tflite-runtime]', or use --interpreter litert",
        )
