"""A folder of ``fer-batch``: which of its files are logs, and of which clip each is.

A clip's rows count from the time of its file's last change, and clips that were copied or unpacked
together have the same: without the clip's name two of them would look like one run.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

_RECORDS: Final = ".done"
_RECORD: Final = re.compile(r"[0-9a-f]{24}\.json")
_INDEX: Final = "index.csv"
_INDEX_BEGINS: Final = b"file,sha256,duration_s,"
_NO_LOGS: Final = ".frames.csv"
_LOGS: Final = (".visits.csv", ".minutes.csv", ".csv")


@lru_cache(maxsize=4096)
def is_batch(folder: Path) -> bool:
    """Return whether a folder holds the results of ``fer-batch``, whole or interrupted."""
    try:
        if any(_RECORD.fullmatch(path.name) for path in (folder / _RECORDS).glob("*.json")):
            return True
        with (folder / _INDEX).open("rb") as file:
            return file.read(len(_INDEX_BEGINS)) == _INDEX_BEGINS
    except OSError:
        return False


def in_batch(folder: Path) -> bool:
    """Return whether a folder is one of ``fer-batch``, or in one."""
    folder = folder.resolve()
    return any(is_batch(one) for one in (folder, *folder.parents))


def logs_of_batch(folder: Path) -> list[Path]:
    """Return the logs of a batch's clips, subfolders included; not its index, nor its frames."""
    found = []
    for path in sorted(folder.rglob("*.csv")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.name != _INDEX and not path.name.endswith(_NO_LOGS):
            found.append(path)
    return found


def clip_of(file: Path) -> str:
    """Return the clip that a log is of, as ``index.csv`` names it; empty for other logs."""
    file = file.resolve()
    folder = next((parent for parent in file.parents if is_batch(parent)), None)
    if folder is None:
        return ""
    name = file.relative_to(folder).as_posix()
    return next((name.removesuffix(end) for end in _LOGS if name.endswith(end)), "")
