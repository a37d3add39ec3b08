"""The exception tree; every user-facing failure is one of these.

::

    FerError                 1   something of ours failed
    ├── PipelineError        1   too many frames in a row could not be analysed
    ├── UsageError           2   the command line asks for something impossible
    ├── DataError           65   a picture, folder, log or feedback file cannot be read
    ├── CameraError         69   the source cannot be opened
    │   └── CameraLost      69   it was open and no longer delivers
    ├── DisplayError        69   there is no screen to open a window on
    ├── OutputError         74   a file cannot be written
    └── ConfigError         78   bad configuration (systemd does not restart on 78)
        ├── ModelError      78   the .tflite is unusable
        └── AssetError      78   detector weights or portrait are missing or wrong

The exit codes are those of BSD ``sysexits.h``: 65 EX_DATAERR, 69 EX_UNAVAILABLE,
74 EX_IOERR, 78 EX_CONFIG. A message is one line: what was expected, what was received
and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from .urls import scrub


class FerError(Exception):
    """Base of all errors shown to a user as one line.

    Parameters
    ----------
    message
        What was expected and what was received.
    remedy
        What the user can do about it; appended to the message.
    """

    exit_code: int = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        text = f"{message}; {remedy}" if remedy else message
        # One line and no password, whatever a library's own message contained.
        super().__init__(scrub(" ".join(text.split())))
        self.remedy = remedy


class PipelineError(FerError):
    """Frames that could not be analysed, too many of them: a new process may do better.

    Whatever the failures' own status, that of this one is 1, on which systemd restarts.
    """


class UsageError(FerError):
    """A command line that cannot be carried out."""

    exit_code = 2


class DataError(FerError):
    """A picture, a data folder, a log or a feedback file that cannot be read."""

    exit_code = 65


class CameraError(FerError):
    """A source that cannot be opened."""

    exit_code = 69


class CameraLost(CameraError):
    """A source that was open and no longer delivers frames."""


class DisplayError(FerError):
    """No screen to open a window on."""

    exit_code = 69


class OutputError(FerError):
    """A file or folder that cannot be written."""

    exit_code = 74


class ConfigError(FerError):
    """A configuration that cannot be used."""

    exit_code = 78


class ModelError(ConfigError):
    """A model file that cannot be used."""


class AssetError(ConfigError):
    """Detector weights or the demo portrait are missing, damaged or cannot be fetched."""


def check_replaceable(path: Path, what: str) -> None:
    """OutputError where `path` is a device, pipe or socket: it would be gone.

    A new file is put in its place, and root may put one in the place of /dev/null.
    """
    # Methods of Path raise where nobody may look.
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise OutputError(
            f"{what} {path}: expected a file, received a device, pipe or socket",
            "name a file",
        )


def check_folder(path: Path, what: str) -> None:
    """OutputError where the folder that `path` lies in is missing, or may not be looked at."""
    folder = path.parent
    try:
        if stat.S_ISDIR(os.stat(folder).st_mode):
            return
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise OutputError(
            f"{what} {path}: the folder {folder} cannot be used: {error.strerror}",
            "name another one, or give this user the right to it",
        ) from None
    raise OutputError(f"{what} {path}: the folder {folder} does not exist", f"mkdir -p {folder}")


def disk_fails(error: OSError) -> bool:
    """Return whether a disk is full or failing: it may take files again later."""
    return error.errno in (errno.ENOSPC, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC))


def shortage(error: BaseException) -> str:
    """Say what the system has too little of, with the remedy; empty where that is not it.

    The dynamic loader's failures arrive as an ImportError or OSError without a number.
    """
    number, text = getattr(error, "errno", None), str(error)
    if number in (errno.EMFILE, errno.ENFILE) or "Too many open files" in text:
        return "too many open files; raise the limit: ulimit -n 1024, of a service LimitNOFILE=1024"
    if (
        isinstance(error, MemoryError)
        or number == errno.ENOMEM
        or "failed to map segment" in text
        or "annot allocate memory" in text
    ):
        return "too little memory; free some or raise the limit: ulimit -v, of a service MemoryMax="
    return ""


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what C and C++ libraries say off standard error, past Python's ``sys.stderr``.

    An interpreter greets ("Created ... XNNPACK delegate"), libpng warns; failures arrive as
    exceptions anyway. To be used at the start only: the whole process is silent meanwhile.
    """
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, ValueError, AttributeError):  # no standard error at all
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
