"""The metadata inside a .tflite: read it, write it.

A zip archive stands behind the flatbuffer, the convention of TFLite Metadata's associated
files: an interpreter ignores it, and any zip tool reads it. It holds ``labels.txt`` and
``fer_metadata.json``.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import tempfile
import zipfile
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from ..errors import ModelError, OutputError, check_replaceable
from ..labels import EMOTIONS, LONGEST_NAME
from .crop import CROP_SCALE, CROP_SIZE, Color
from .recurrent import MOST_STATE

FORMAT_VERSION = 1
METADATA_NAME = "fer_metadata.json"
LABELS_NAME = "labels.txt"
DEFAULT_MODEL = "blend"
# A .tflite for this job is at most some tens of megabytes; larger is a mistake.
MAX_BYTES = 256 * 1024 * 1024
_TFLITE_ID = b"TFL3"  # file identifier of the TensorFlow Lite schema, at byte 4


@dataclass(frozen=True)
class ModelMetadata:
    """What a .tflite says of itself.

    The shape of the input is (N, height, width, channels), with channels 1 for ``gray`` and
    3 for ``rgb`` and ``bgr``; the output is (N, len(classes)).
    """

    classes: tuple[str, ...] = EMOTIONS
    """Names of the outputs, in the order of the outputs."""
    height: int = CROP_SIZE
    """Rows of the input in pixels."""
    width: int = CROP_SIZE
    """Columns of the input in pixels."""
    color: Color = "gray"
    """Colour order of the input."""
    multiply: float = 1.0
    """The network wants ``pixel * multiply + add``, pixels being 0–255."""
    add: float = 0.0
    """See `multiply`."""
    crop_scale: float = CROP_SCALE
    """Side of the crop in heights of the face box."""
    output: str = "logits"
    """``logits`` or ``probabilities``."""
    temperature: float = 1.0
    """Logits are divided by this before the softmax (Guo et al. 2017, temperature scaling)."""
    shares: dict[str, float] = field(default_factory=dict)
    """Share of each emotion in what it learnt from, summing to 1; the logits are without it.
    Empty where it is unknown: the logits then carry whatever prior they learnt (`prior`)."""
    state_size: int = 0
    """Numbers that a step model remembers of a face (`recurrent`); 0 for one without memory."""
    quantization: str = "none"
    """``none``, ``float16``, ``dynamic``, ``int8`` or ``int8-io``."""
    name: str = ""
    """Short name, written in the CSV's ``model`` column."""
    training: dict[str, Any] = field(default_factory=dict)
    """How it was trained: recipe, command, seed, versions."""
    data: str = ""
    """What it was trained on."""
    accuracy: dict[str, Any] = field(default_factory=dict)
    """Measured figures and on what they were measured."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Source file's sha256, tool versions."""
    date: str = ""
    """ISO-8601 date of the conversion."""
    licence: str = ""
    """Terms of the weights."""
    format_version: int = FORMAT_VERSION
    """Version of this record."""

    @property
    def channels(self) -> int:
        """Channels of the input: 1 for grey, else 3."""
        return 1 if self.color == "gray" else 3

    def validate(self) -> None:
        """Raise ValueError where a field is out of range."""
        if self.format_version != FORMAT_VERSION:
            raise ValueError(
                f"format_version: expected {FORMAT_VERSION}, received {self.format_version}"
            )
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes: expected distinct names, received {list(self.classes)}")
        if len(self.name) > LONGEST_NAME:
            raise ValueError(
                f"name: expected at most {LONGEST_NAME} characters, received {len(self.name)}"
            )
        if not 8 <= self.height <= 1024 or not 8 <= self.width <= 1024:
            raise ValueError(f"input: expected 8–1024 pixels, received {self.height}x{self.width}")
        if self.color not in get_args(Color):
            raise ValueError(f"color: expected {get_args(Color)}, received {self.color!r}")
        if self.output not in ("logits", "probabilities"):
            raise ValueError(f"output: expected logits or probabilities, received {self.output!r}")
        for key, low, high in (("temperature", 0.01, 100.0), ("crop_scale", 0.1, 10.0)):
            value = getattr(self, key)
            if not (isinstance(value, int | float) and low <= value <= high):
                raise ValueError(f"{key}: expected {low} to {high}, received {value!r}")
        for key in ("multiply", "add"):
            value = getattr(self, key)
            if not (isinstance(value, int | float) and math.isfinite(value)):
                raise ValueError(f"{key}: expected a finite number, received {value!r}")
        if self.shares:
            values = list(self.shares.values())
            good = all(isinstance(v, int | float) and 0.0 < v <= 1.0 for v in values)
            if set(self.shares) != set(EMOTIONS) or not good or abs(sum(values) - 1) > 0.001:
                raise ValueError(
                    f"shares: expected shares of {', '.join(EMOTIONS)} that sum to 1, received "
                    f"{self.shares!r}"
                )
        if self.state_size and (
            not 2 <= self.state_size <= MOST_STATE or self.state_size == len(self.classes)
        ):
            raise ValueError(
                f"state_size: expected 0 or 2 to {MOST_STATE}, and not the number of classes, "
                f"received {self.state_size}"
            )
        if self.multiply == 0:
            raise ValueError("multiply: expected anything but 0, received 0")


def read_model(path: str | Path) -> tuple[bytes, ModelMetadata | None]:
    """Read a .tflite file.

    Returns
    -------
    The flatbuffer without the archive behind it, and the metadata, or None where the file
    carries none of ours.

    Raises
    ------
    ModelError
        If the file is missing, is not a TensorFlow Lite file, or its metadata is damaged.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise ModelError(f"model {path}: expected a .tflite file, received a folder")
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"model {path}: expected at most {MAX_BYTES >> 20} MiB")
        blob = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(
            f"model {path}: no such file",
            f"give the path of a .tflite, or one of {', '.join(shipped_models())}",
        ) from None
    except OSError as error:
        raise ModelError(f"model {path}: cannot be read: {error.strerror}") from None
    if len(blob) < 16 or blob[4:8] != _TFLITE_ID:
        raise ModelError(
            f"model {path}: expected a TensorFlow Lite file ('TFL3' at byte 4), received "
            f"{len(blob)} bytes of something else",
            "convert Keras models with fer-convert",
        )
    return _split(blob, str(path))


def _split(blob: bytes, name: str) -> tuple[bytes, ModelMetadata | None]:
    """Part a .tflite into flatbuffer and metadata."""
    if b"PK\x05\x06" not in blob[-66_000:]:  # no end of a zip's central directory
        return blob, None
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            names = archive.namelist()
            start = min((i.header_offset for i in archive.infolist()), default=len(blob))
            if METADATA_NAME not in names:
                return blob[:start], None
            if archive.getinfo(METADATA_NAME).file_size > 1 << 20:
                raise ValueError(f"{METADATA_NAME} is larger than 1 MiB")
            raw = json.loads(archive.read(METADATA_NAME))
        return blob[:start], metadata_from_dict(raw)
    except ModelError:
        raise
    except Exception as error:
        # zipfile and json raise many kinds on damaged input; all mean the same here.
        raise ModelError(
            f"model {name}: its metadata is damaged ({error})", "convert it again with fer-convert"
        ) from None


def metadata_from_dict(raw: Any) -> ModelMetadata:
    """Build the record from parsed JSON; ValueError where it does not fit.

    Keys that this version does not know are ignored.
    """
    if not isinstance(raw, dict):
        raise ValueError(f"expected an object, received {type(raw).__name__}")
    known = {f.name: f for f in fields(ModelMetadata)}
    values: dict[str, Any] = {k: v for k, v in raw.items() if k in known}
    for key, value in values.items():
        default = getattr(ModelMetadata(), key)
        if isinstance(default, tuple):
            if not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
                raise ValueError(f"{key}: expected a list of names, received {value!r}")
            values[key] = tuple(value)
        elif isinstance(default, float):
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ValueError(f"{key}: expected a number, received {value!r}")
            values[key] = float(value)
        elif not isinstance(value, type(default)) or isinstance(value, bool):
            raise ValueError(f"{key}: expected {type(default).__name__}, received {value!r}")
    metadata = ModelMetadata(**values)
    metadata.validate()
    return metadata


def pack_model(flatbuffer: bytes, metadata: ModelMetadata) -> bytes:
    """Return `flatbuffer` with the metadata archive behind it.

    An archive that already stands there must be taken off first (`read_model` does): a second
    one would duplicate the members.
    """
    metadata.validate()
    out = io.BytesIO()
    out.write(flatbuffer)
    stamp = (1980, 1, 1, 0, 0, 0)  # so that the same model gives the same bytes
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps(asdict(metadata), indent=1, ensure_ascii=False)
        archive.writestr(zipfile.ZipInfo(METADATA_NAME, stamp), text)
        archive.writestr(zipfile.ZipInfo(LABELS_NAME, stamp), "\n".join(metadata.classes) + "\n")
    return out.getvalue()


def write_model(path: str | Path, flatbuffer: bytes, metadata: ModelMetadata) -> None:
    """Write a .tflite with metadata, atomically: the old file stays until the new one is whole.

    Raises OutputError where the folder cannot be written.
    """
    path = Path(path)
    check_replaceable(path, "model")
    blob = pack_model(flatbuffer, metadata)
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise OutputError(
            f"model {path}: cannot be written: {error.strerror}", "choose another folder with -o"
        ) from None


def shipped_models() -> list[str]:
    """Return the names of the models inside the package, such as ``fer2013``."""
    folder = resources.files("fer_models")
    return sorted(p.name[: -len(".tflite")] for p in folder.iterdir() if p.name.endswith(".tflite"))


def model_path(model: str) -> Path:
    """Return the path of a model given by name (``ferplus``) or by path."""
    if os.sep in model or model.endswith(".tflite"):
        return Path(model)
    if model in shipped_models():
        # The package is installed unzipped, so its files have paths.
        return Path(str(resources.files("fer_models") / f"{model}.tflite"))
    return Path(model)


def is_shipped(path: str | Path) -> bool:
    """Tell whether the file is, byte for byte, one that this package ships and has tested."""
    sums = resources.files("fer_models") / "SHA256SUMS"
    if not sums.is_file():
        return False
    known = {line.split()[0] for line in sums.read_text("utf-8").splitlines() if line.strip()}
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(1 << 16):
                digest.update(chunk)
    except OSError:
        return False
    return digest.hexdigest() in known
