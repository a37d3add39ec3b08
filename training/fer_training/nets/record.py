"""The side record of a Keras model: what it is, how it was made, its temperatures.

It lies as ``fer_metadata.json`` inside the zip of a ``.keras`` file and as the root attribute
``fer_metadata`` of an ``.h5`` file; Keras ignores both. Reading it needs no TensorFlow::

    {"heads": {"fer2013": {"classes": [...], "temperature": 0.75, "accuracy": {...}}, ...},
     "network": "edge24", "recipe": {...}, "training": {...}, "data": "...", "licence": "..."}
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import ConfigError, ModelError

from ..atomic import replacing
from .heads import HEADS

MEMBER: Final = "fer_metadata.json"
"""Name inside a ``.keras`` file."""
ATTRIBUTE: Final = "fer_metadata"
"""Name of the root attribute of an ``.h5`` file."""
LICENCE: Final = (
    "Weights trained on FER-2013: the terms of the Kaggle challenge 'Challenges in "
    "Representation Learning: Facial Expression Recognition' apply to them; the code is MIT."
)
_MAX_BYTES = 1 << 20

Record = dict[str, Any]


def new_record(heads: tuple[str, ...] = tuple(HEADS)) -> Record:
    """Return a record with the classes of `heads`, temperature 1 and nothing measured."""
    return {
        "heads": {
            head: {"classes": list(HEADS[head]), "temperature": 1.0, "accuracy": {}}
            for head in heads
        },
        "network": "",
        "recipe": {},
        "training": {},
        "data": "",
        "licence": LICENCE,
    }


def temperature_of(record: Record | None, head: str) -> float:
    """Return the temperature of a head; 1 where none is stored."""
    entry = (record or {}).get("heads", {}).get(head, {})
    return float(entry.get("temperature", 1.0))


def read_record(path: str | Path) -> Record | None:
    """Read the record of a ``.keras`` or ``.h5`` file; None where it carries none.

    Raises
    ------
    ModelError
        If the file is neither, or its record is damaged.
    """
    path = Path(path)
    text: str | bytes | None
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if MEMBER not in archive.namelist():
                    return None
                if archive.getinfo(MEMBER).file_size > _MAX_BYTES:
                    raise ValueError(f"{MEMBER} is larger than {_MAX_BYTES} bytes")
                text = archive.read(MEMBER)
        else:
            with _h5py().File(path, "r") as file:
                text = file.attrs.get(ATTRIBUTE)
        if text is None:
            return None
        record = json.loads(text)
        _check(record)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"model {path}: expected a .keras or .h5 file with a whole record: {error}"
        ) from None
    return dict(record)


def write_record(path: str | Path, record: Record) -> None:
    """Put `record` into an existing ``.keras`` or ``.h5`` file, atomically, replacing an old one.

    Raises OutputError where the file cannot be written, ModelError where it is neither.
    """
    path = Path(path)
    with replacing(path) as temporary:
        _copy_with(path, temporary, record)


def without_folders(value: Any) -> Any:
    """Return a record in which absolute paths are shortened to their last part.

    A model file is given away; where its maker's files lie is nobody's business.
    """
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    if isinstance(value, str):
        words = value.split(" ")
        return " ".join(Path(w).name if Path(w).is_absolute() else w for w in words)
    return value


def _copy_with(source: Path, target: Path, record: Record) -> None:
    text = json.dumps(record, indent=1, ensure_ascii=False, default=str)
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
            for info in old.infolist():
                if info.filename != MEMBER:
                    new.writestr(_stamped(info.filename), _undated(old, info.filename))
            new.writestr(_stamped(MEMBER), text)
        return
    target.write_bytes(source.read_bytes())
    try:
        with _h5py().File(target, "r+") as file:
            file.attrs[ATTRIBUTE] = text
    except OSError as error:
        raise ModelError(f"model {source}: expected a .keras or .h5 file: {error}") from None


def _stamped(name: str) -> zipfile.ZipInfo:
    """Return a member with a fixed stamp: the same model gives the same bytes."""
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def _undated(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a member; Keras' own note of when it was saved is left out."""
    content = archive.read(name)
    if name != "metadata.json":
        return content
    try:
        about = json.loads(content)
    except ValueError:
        return content
    return json.dumps({k: v for k, v in about.items() if k != "date_saved"}).encode()


def _check(record: Any) -> None:
    if not isinstance(record, dict) or not isinstance(record.get("heads"), dict):
        raise ValueError("the record has no heads")
    for head, entry in record["heads"].items():
        temperature = entry.get("temperature", 1.0) if isinstance(entry, dict) else None
        if not isinstance(temperature, int | float) or not 0.01 <= temperature <= 100:
            raise ValueError(f"temperature of {head}: expected 0.01 to 100")


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise ConfigError(
            "h5py, which reads .h5 files, is not installed", "run: pip install 'fer-edge[train]'"
        ) from None
    return h5py
