"""Which clips are meant, and what their results are called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_runtime.errors import CameraError, DataError, UsageError
from fer_runtime.frames.pictures import printable

SUFFIXES = (
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
    ".ogv", ".ts", ".webm", ".wmv",
)  # fmt: skip
"""What counts as a clip in a folder; a file that is named itself is always taken."""


@dataclass(frozen=True, order=True)
class Clip:
    """A video file and the name of its results."""

    name: str
    """Relative, with ``/`` on every system, ending in the file's own suffix."""
    path: Path
    size: int
    """Bytes."""


def find_clips(arguments: Sequence[str]) -> list[Clip]:
    """Return the clips that files and folders name, by name.

    Raises
    ------
    CameraError
        If one of them is not there.
    DataError
        If there is no clip at all.
    UsageError
        If two would have results of the same name.
    """
    found: dict[str, Clip] = {}
    for argument in arguments:
        root = Path(argument)
        try:
            if root.is_dir():
                os.listdir(root)  # rglob passes over a folder that may not be read
                paths = [p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()]
                # Results of an earlier batch beside the clips are none.
                pairs = [(p.relative_to(root), p) for p in paths]
            else:
                pairs = [(Path(root.name), root)]
            for found_name, path in pairs:
                # The index and the records are UTF-8, whatever bytes a name has.
                name = printable(found_name).replace(os.sep, "/")
                if name in found and found[name].path.resolve() != path.resolve():
                    raise UsageError(
                        f"{found[name].path} and {path} would both be written to {name}.csv",
                        "give them as one folder that holds both, or rename one",
                    )
                found[name] = Clip(name, path, path.stat().st_size)
        except OSError as error:
            raise CameraError(f"clip {argument}: cannot be read: {error.strerror}") from None
    if not found:
        raise DataError(
            f"{', '.join(arguments)}: expected clips ({', '.join(SUFFIXES)}), received none"
        )
    return sorted(found.values())
