"""Metrics in a file for node_exporter's textfile collector: no port, no network."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import filelock

from ...errors import ConfigError, OutputError, check_folder, check_replaceable, disk_fails
from ..atomic import lock_replaced, write_atomically
from ..sink import Sink
from .exposition import exposition

_LOGGER = logging.getLogger(__name__)

_SUFFIX: Final = ".prom"
"""The collector reads no other file."""
_SERVICE: Final = (
    " (the service may write into /run/fer-edge; for another folder: "
    "systemctl edit fer-runtime, [Service], ReadWritePaths=FOLDER)"
)


class Textfile(Sink):
    """Replaces a file by the newest metrics, at each status record.

    Parameters
    ----------
    path
        ``metrics.textfile``; its name ends in ``.prom``.

    Raises
    ------
    ConfigError
        If the name has another ending, which the collector would pass over.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser()
        self._failing = False
        self._lock: filelock.BaseFileLock | None = None
        if self._path.suffix != _SUFFIX:
            raise ConfigError(
                f"metrics.textfile {self._path}: expected a name that ends in {_SUFFIX}, "
                "the only ones that node_exporter reads",
                f"{self._path.with_suffix(_SUFFIX)}",
            )

    def open(self) -> None:
        """Try whether the folder takes a file; OutputError where it never will, or is taken."""
        check_folder(self._path, "metrics.textfile")
        check_replaceable(self._path, "metrics.textfile")
        if os.path.isdir(self._path):
            raise OutputError(
                f"metrics.textfile {self._path}: expected a file, received a folder",
                "name a file in it",
            )
        try:
            with tempfile.TemporaryFile(dir=self._path.parent):
                pass
        except OSError as error:
            if disk_fails(error):
                self._failed(error)
                return
            raise OutputError(
                f"metrics.textfile {self._path}: cannot be written: {_reason(error)}",
                "choose a folder that can be written",
            ) from None
        self._lock = lock_replaced(
            self._path,
            "metrics.textfile",
            "stop it, if it is the service with: systemctl stop fer-runtime; or give "
            "--metrics-textfile another name",
        )

    def announce(self, status: Mapping[str, Any]) -> None:
        """Write the metrics; never raises for a disk: one warning, one message on recovery."""
        try:
            write_atomically(self._path, exposition(status))
        except OSError as error:
            self._failed(error)
            return
        if self._failing:
            _LOGGER.warning("metrics.textfile %s: written again", self._path)
        self._failing = False

    def close(self) -> None:
        """Leave the file, as it is, to the next process."""
        if self._lock is not None:
            self._lock.release()

    def _failed(self, error: OSError) -> None:
        if not self._failing:
            _LOGGER.warning("metrics.textfile %s: cannot be written: %s",
                            self._path, _reason(error))  # fmt: skip
        self._failing = True


def _reason(error: OSError) -> str:
    return f"{error.strerror}{_SERVICE if error.errno == errno.EROFS else ''}"
