"""Which files are meant by the paths on the command line."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from fer_runtime.errors import DataError

from .clips import in_batch, logs_of_batch

_CSV: Final = (".csv", ".csv.gz")
_PARQUET: Final = ".parquet"


def find_logs(paths: Iterable[Path]) -> list[Path]:
    """Return the files that are meant, each once.

    Parameters
    ----------
    paths
        Files, which are taken as they are, and folders: of one the ``*.csv`` and ``*.csv.gz`` in
        it, or else every ``*.parquet`` below it; of one of ``fer-batch`` the logs of all clips.

    What lies in a hidden folder is work in progress of ``fer-collect``.

    Raises
    ------
    DataError
        If a path does not exist or may not be looked at, or a folder holds no log.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            for item in _inside(path):
                found.setdefault(item.resolve(), item)
        except OSError as error:
            raise unreadable(path, error) from None
    return list(found.values())


def unreadable(path: Path, error: OSError) -> DataError:
    """Return the error of a log that cannot be opened."""
    hint = "ask for membership in the group fer-edge" if error.errno == errno.EACCES else ""
    return DataError(f"log {path}: cannot be read: {error.strerror or error}", hint)


def _inside(path: Path) -> list[Path]:
    if path.is_dir():
        if in_batch(path):
            inside = logs_of_batch(path)
        else:
            inside = sorted(p for p in path.iterdir() if p.name.endswith(_CSV) and p.is_file())
        inside = inside or sorted(p for p in path.rglob(f"*{_PARQUET}") if _is_log(p, path))
        if not inside:
            raise DataError(
                f"folder {path}: expected logs (*.csv, *.csv.gz, *.parquet), received none",
                "give the folder or the files that csv.path of the configuration names",
            )
        return inside
    if path.exists():
        return [path]
    raise DataError(
        f"log {path}: expected a file or a folder, received a path that does not exist",
        "check csv.path in the configuration",
    )


def _is_log(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return not hidden and file.is_file()


def are_parquet(files: Sequence[Path]) -> bool:
    """Return whether the files are Parquet; False for CSV.

    Raises
    ------
    DataError
        If they are both.
    """
    parquet = [p for p in files if p.suffix == _PARQUET]
    if parquet and len(parquet) < len(files):
        other = next(p for p in files if p.suffix != _PARQUET)
        raise DataError(
            f"expected logs in one format, received Parquet ({parquet[0]}) and CSV ({other})",
            "bring the CSV into the Parquet with fer-report export --to parquet",
        )
    return bool(parquet)
