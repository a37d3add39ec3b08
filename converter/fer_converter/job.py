"""What one conversion was asked to do; crosses the border between processes as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from fer_runtime.errors import UsageError

VARIANTS: Final = ("none", "float16", "dynamic", "int8", "int8-io")
"""The quantisations, from the exact one to the smallest."""

CALIBRATION_COUNT: Final = 500
"""Pictures that set the ranges of int8 activations; more changed nothing measurable."""

VERIFY_COUNT: Final = 4000
"""Pictures at most that every variant is compared on."""

FEWEST_TO_VERIFY: Final = 1000
"""That limit cannot be set lower: a few pictures would prove little."""

PORTRAIT_COUNT: Final = 1000
"""Seeded transforms of the demo portrait where there are no pictures."""


@dataclass(frozen=True)
class Job:
    """One conversion."""

    source: str
    """Path of the .keras, .h5 or SavedModel folder."""
    variants: tuple[str, ...]
    """Which of `VARIANTS` to build."""
    head: str = ""
    """Head of a network that has several, or ``blend`` for both in one."""
    blend: float = 1 / 3
    """Weight of the head fer2013 in ``blend``, 0–1."""
    labels: tuple[str, ...] = ()
    """Classes of a foreign network, in the order of its outputs."""
    scale: str = ""
    """Preprocessing of a foreign network, such as ``1/255`` or ``1/127.5-1``."""
    color: str = ""
    """``gray``, ``rgb`` or ``bgr``, of a foreign network."""
    input_size: str = ""
    """``HxW`` of a network that leaves it open."""
    temperature: str = ""
    """A number instead of the trainer's, or ``fit``; empty keeps the trainer's."""
    name: str = ""
    """Short name written into the file; the output's stem by default."""
    representative: str = ""
    """Folder that calibrates int8."""
    calibration_count: int = CALIBRATION_COUNT
    """Pictures taken from it."""
    verify: str = ""
    """Folder to compare on; by default the rest of `representative`."""
    verify_count: int = VERIFY_COUNT
    """Pictures taken from it at most."""
    order: str = ""
    """Of folders named 0 to 6, see `fer_training.data.class_folders`."""
    votes: str = ""
    """FER+ votes to take the true labels from, in place of the folders' names."""
    seed: int = 0
    """Of both samples and of the portrait's transforms."""
    date: str = ""
    """ISO-8601 date written into the file."""

    def to_json(self) -> str:
        """Return the record as one line."""
        return json.dumps(asdict(self))


def job_from_json(text: str) -> Job:
    """Read what `Job.to_json` wrote."""
    raw = json.loads(text)
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    return Job(**values)


def parse_temperature(text: str) -> float:
    """Read a temperature; 0 for none given or one to be fitted."""
    if text in ("", "fit"):
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 100:
        raise UsageError(f"--temperature: expected 0.01 to 100 or fit, received {text!r}")
    return value


def parse_size(text: str) -> tuple[int, int]:
    """Read ``HxW`` in pixels; UsageError where it is something else."""
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if match is None:
        raise UsageError(f"--input-size: expected HEIGHTxWIDTH such as 64x64, received {text!r}")
    return int(match[1]), int(match[2])
