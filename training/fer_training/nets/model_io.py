"""Keras models on disk: load one, save one with its record."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import ModelError, UsageError

from ..atomic import output_error, replacing
from .networks import import_keras
from .record import Record, write_record

SUFFIXES = (".keras", ".h5")

CUSTOM_REMEDY: Final = (
    "load it in Python with the code of it, model.export('FOLDER'), and give that folder to "
    "fer-convert"
)
"""For a model with layers of its own: a SavedModel holds what they compute, not their code."""

_NOT_THERE: Final = re.compile(
    r"(?:Could not locate (?P<kind>class|function)|Unknown (?P<older>[a-z ]+):) "
    r"'?(?P<name>[\w>.]+)"
)


def load_model(path: str | Path) -> Any:
    """Load a ``.keras`` or ``.h5`` file, for inference.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or no Keras model.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise ModelError(
            f"model {path}: expected a .keras or .h5 file, found {what}",
            "a SavedModel folder goes straight to fer-convert" if path.is_dir() else "",
        )
    if path.suffix.lower() not in (*SUFFIXES, ".hdf5"):
        raise ModelError(f"model {path}: expected a .keras or .h5 file, received {path.suffix!r}")
    keras = import_keras()
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        if needed := not_keras_own(error):
            raise ModelError(f"model {path}: {needed}", CUSTOM_REMEDY) from None
        # Keras raises what the first damaged part happens to raise.
        reason = f"{type(error).__name__}: {str(error).strip().split(chr(10))[0][:200]}"
        if path.suffix.lower() == ".keras" and not zipfile.is_zipfile(path):
            reason = "it is no zip archive, which a .keras file is"  # Keras: "File not found"
        raise ModelError(
            f"model {path}: Keras {keras.__version__} cannot load it: {reason}"
        ) from None


def not_keras_own(error: Exception) -> str:
    """Say what a file needs that Keras does not have, from the error of loading it; else empty.

    Keras words it by the layout of the file: ``Unknown layer: 'Scale'`` for .h5, ``Could not
    locate class 'Scale'``, far down in a long text, for .keras.
    """
    found = _NOT_THERE.search(str(error))
    if found is None:
        return ""
    kind, name = found["kind"] or found["older"], found["name"]
    return f"it needs the {kind} {name}, which is not Keras' own"


def save_model(model: Any, path: str | Path, record: Record) -> None:
    """Save a model with its record, atomically, as ``.keras`` or ``.h5`` by the suffix.

    Raises
    ------
    UsageError
        If the suffix is another one.
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path}: expected a name ending in .keras or .h5")
    import warnings

    if getattr(model, "optimizer", None) is not None:
        # Without optimiser and loss: a third of the size, and plain Keras loads it.
        # (clone_model would carry them over.)
        bare = type(model).from_config(model.get_config())
        bare.set_weights(model.get_weights())
        model = bare
    with replacing(path) as temporary, warnings.catch_warnings():
        # Keras advises against .h5 on every save; it is written because it is asked for.
        warnings.simplefilter("ignore")
        try:
            model.save(temporary, overwrite=True)
        except OSError as error:
            raise output_error(path, error) from None
        write_record(temporary, record)
