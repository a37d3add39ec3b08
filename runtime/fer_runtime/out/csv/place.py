"""Whether a place can take a log and the files that are put aside beside it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

from ...errors import ConfigError, OutputError

# A file that is put aside and compressed gets the longest name: log-20261122-000000-99.csv.gz.tmp
_ADDED: Final = len("-20261122-000000-99") + len(".gz.tmp")
# Of every usual file system; some, such as an encrypted home, allow fewer.
_LONGEST: Final = 255


def check_place(path: Path, setting: str) -> None:
    """Refuse what can never be a log, before anything is made there.

    Parameters
    ----------
    path
        Where the log is to be, links resolved as far as they lead anywhere.
    setting
        The flag or key that says so, for the message.

    Raises
    ------
    ConfigError
        If the name leaves no room for what is added when the file is put aside.
    OutputError
        If it is a folder, device, pipe or a link in a circle.
    """
    room = _longest_name(path.parent) - _ADDED
    size = len(os.fsencode(path.name))
    if size > room:
        raise ConfigError(
            f"{path.name[:20]}...: expected a file name of at most {room} bytes, as the date is "
            f"added when a file is put aside, received {size}",
            f"give {setting} a shorter one",
        )
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OutputError(f"{path}: a link that leads in a circle", f"rm {path}") from None
        return  # not there yet, or said when it is opened
    if not stat.S_ISREG(mode):
        raise OutputError(
            f"{path}: expected a file, received a folder, device or pipe",
            f"give {setting} the name of a file",
        )


def _longest_name(folder: Path) -> int:
    try:
        return min(_LONGEST, os.pathconf(folder, "PC_NAME_MAX"))
    except (AttributeError, OSError, ValueError):  # Windows, or no such folder: said elsewhere
        return _LONGEST
