"""Looks into a Keras file without running anything of it.

A model file may name code to run: a Lambda layer holds it, a custom layer asks for it. This
module reads only the description, finds such places, and says which they are. Keras opens a
file only after it has passed here.

Formats: ``.keras`` (a zip with ``config.json``), ``.h5`` in the layouts of Keras 2 and Keras 3
(the HDF5 attribute ``model_config``), and SavedModel folders (``saved_model.pb``).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import ModelError
from fer_training.nets.model_io import CUSTOM_REMEDY
from fer_training.nets.record import read_record

from .children import Answer, answer

MAX_BYTES: Final = 2 << 30
MAX_CONFIG_BYTES: Final = 16 << 20

_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"

# Layers of Keras itself that run code or files which the model names.
_CODE_LAYERS: Final = frozenset({"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer",
                                 "FlaxLayer", "TFOpLambda", "SlicingOpLambda"})  # fmt: skip


@dataclass(frozen=True)
class KerasFile:
    """What a Keras file says of itself."""

    format: str
    """``keras``, ``h5`` or ``savedmodel``."""
    bytes: int
    """Size of the file or folder."""
    keras_version: str = ""
    """Version that wrote it; empty where unknown."""
    layers: list[str] = field(default_factory=list)
    """Class of every layer, in order."""
    code: list[str] = field(default_factory=list)
    """Layers that hold or name code to run, such as Lambda."""
    custom: list[str] = field(default_factory=list)
    """Classes that are not Keras' own."""
    input_shapes: list[list[int | None]] = field(default_factory=list)
    """Shape of every input layer, batch first, as far as the description says."""
    record: dict[str, Any] | None = None
    """The trainer's record, where there is one."""


def read_keras_file(path: str | Path) -> KerasFile:
    """Describe a .keras, an .h5 or a SavedModel folder.

    Damaged HDF5 can bring the library down: call this in a child process.

    Raises
    ------
    ModelError
        If it is none of these or is damaged.
    """
    path = Path(path)
    wanted = "expected a .keras, an .h5 or a SavedModel folder"
    try:
        if path.is_dir():
            if (path / "saved_model.pb").is_file():
                size = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
                return KerasFile("savedmodel", size)
            raise ModelError(f"model {path}: {wanted}, received a folder without saved_model.pb")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
    except FileNotFoundError:
        raise ModelError(f"model {path}: no such file; {wanted}") from None
    except OSError as error:
        raise ModelError(f"model {path}: cannot be read: {error.strerror}") from None
    if size > MAX_BYTES:
        raise ModelError(f"model {path}: expected at most {MAX_BYTES >> 30} GiB, received {size}")
    if head[4:8] == b"TFL3":
        raise ModelError(
            f"model {path}: {wanted}, received a .tflite, which is converted already",
            "look into it with fer-convert --inspect",
        )
    try:
        if head.startswith(_ZIP):
            return _read_keras(path, size)
        if head == _HDF5:
            return _read_h5(path, size)
    except ModelError:
        raise
    except Exception as error:
        # zipfile, h5py and json raise many kinds on damaged files; all mean the same here.
        text = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"model {path}: it is damaged: {text[:200]}", "save it again") from None
    raise ModelError(f"model {path}: {wanted}, received {size} bytes of something else")


def check_runs_no_code(path: str | Path, found: KerasFile) -> None:
    """Raise ModelError where a file names code that would have to run to convert it."""
    if found.code:
        raise ModelError(
            f"model {path}: it has layers that run code out of the file, which is never done: "
            f"{', '.join(found.code)}",
            "replace them with Keras layers (Rescaling, ops in a Layer) and save it again",
        )
    if found.custom:
        raise ModelError(
            f"model {path}: it has layers that are not Keras' own: {', '.join(found.custom)}",
            CUSTOM_REMEDY,
        )


def _read_keras(path: Path, size: int) -> KerasFile:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > MAX_BYTES:
                raise ModelError(f"model {path}: {member.filename} unpacks to over 2 GiB")
        names = set(archive.namelist())
        if "config.json" not in names:
            raise ModelError(f"model {path}: expected a .keras with config.json, found none in it")

        def parsed(name: str) -> Any:
            if archive.getinfo(name).file_size > MAX_CONFIG_BYTES:
                raise ModelError(f"model {path}: {name} is larger than 16 MiB")
            return json.loads(archive.read(name))

        config = parsed("config.json")
        version = parsed("metadata.json") if "metadata.json" in names else {}
        written_by = str(version.get("keras_version", ""))
    return _describe("keras", size, config, written_by, read_record(path))


def _read_h5(path: Path, size: int) -> KerasFile:
    import h5py

    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ModelError(
                f"model {path}: it holds weights but no network",
                "save the whole model: model.save('model.keras')",
            )
        config = json.loads(_text(file.attrs["model_config"]))
        written_by = _text(file.attrs.get("keras_version", ""))
    return _describe("h5", size, config, written_by, read_record(path))


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _describe(
    kind: str, size: int, config: Any, version: str, record: dict[str, Any] | None
) -> KerasFile:
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ValueError("its description is not that of a network")
    layers, code, custom, shapes = [], [], [], []
    for node in _nodes(config):
        name, module = str(node["class_name"]), node.get("module")
        label = f"{name} ({node['config'].get('name', '')})".replace(" ()", "")
        registered = node.get("registered_name")
        if name in _CODE_LAYERS or name == "__lambda__":
            code.append(label)
        elif (module is not None and not _is_keras(str(module))) or (
            registered not in (None, name) and ">" in str(registered)
        ):
            custom.append(label)
        # Initialisers and policies are objects too; only layers and policies have names.
        if "name" in node["config"] and name not in (config["class_name"], "DTypePolicy"):
            layers.append(name)
        if name == "InputLayer":
            options = node["config"]
            shape = options.get("batch_shape") or options.get("batch_input_shape") or []
            shapes.append([None if v is None else int(v) for v in shape])
    return KerasFile(kind, size, version, layers, code, custom, shapes, record)


def _is_keras(module: str) -> bool:
    return module in ("keras", "builtins") or module.startswith(("keras.", "tf_keras."))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every serialised object in a description, in order, without recursion."""
    stack = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield {**item, "config": item.get("config") if isinstance(item.get("config"), dict)
                       else {}}  # fmt: skip
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))


def _main(to_parent: Answer) -> dict[str, Any]:
    return asdict(read_keras_file(json.loads(to_parent.job)["path"]))


if __name__ == "__main__":
    answer(_main)
