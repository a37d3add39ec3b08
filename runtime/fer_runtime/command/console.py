"""What all commands share: errors become one line and an exit code, never a traceback."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

import click

from ..errors import ConfigError, FerError, OutputError, UsageError, shortage
from ..urls import scrub

# What the wheel of opencv-python expects of the system, in two packages of Debian and Ubuntu.
_OF_OPENCV = frozenset({"libGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0"})
_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")


CONTEXT: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""``context_settings`` of every command."""


class FiniteRange(click.FloatRange):
    """A range that NaN and infinity are not in: click compares, and NaN is less than nothing."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; click's complaint where it is none or out of range."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class _Formatter(logging.Formatter):
    """Shows no password, whichever library's message or traceback names one."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


def set_up_logging(level: str) -> None:
    """Log to standard error; under systemd the journal has the time already."""
    form = "%(levelname)s %(message)s"
    if "JOURNAL_STREAM" not in os.environ:
        form = "%(asctime)s " + form
    handler = logging.StreamHandler(_stream())
    handler.setFormatter(_Formatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name in ("fer_runtime", "fer_archive"):
        logging.getLogger(name).setLevel(level.upper())


def _stream() -> TextIO:
    """Return standard error under a descriptor of its own.

    The other one is silenced while libraries chatter; a line of ours from another thread would
    be lost with theirs.
    """
    try:
        descriptor = os.dup(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return sys.stderr  # closed, or a stand-in
    return open(descriptor, "w", 1, sys.stderr.encoding, "backslashreplace")


def run_command(
    command: click.Command,
    name: str,
    arguments: Sequence[str] | None = None,
    leave: Callable[[int], Any] = sys.exit,
) -> None:
    """Run a click command and end the process.

    Parameters
    ----------
    command
        The parsed and executed command; its return value, where an int, is the exit code.
    name
        Program name, put before every message.
    arguments
        Instead of ``sys.argv[1:]``.
    leave
        What ends the process with a code.
    """
    _open_standard_streams()
    output = sys.stdout
    try:
        code = command.main(arguments, prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.ClickException as error:
        # click's own form is four lines; the remedy is the same.
        _complain(f"{name}: {' '.join(error.format_message().split())}; see {name} --help")
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        _complain(f"{name}: interrupted")
        code = 130
    except FerError as error:
        _complain(f"{name}: {error}")
        code = error.exit_code
    except SystemExit as done:
        # click's answer to a reader of our output that has gone, as with `| head`: it puts a
        # stream that takes everything in its place, and ends. That is no failure.
        code = done.code if sys.stdout is output else 0
    except ImportError as error:
        lacking = shortage(error)
        _complain(f"{name}: {lacking or _missing(error)}")
        # Of memory and files there may be enough later; a part that is missing stays missing.
        code = FerError.exit_code if lacking else ConfigError.exit_code
    except Exception as error:
        if lacking := shortage(error):
            _complain(f"{name}: {lacking}")
            code = FerError.exit_code
        elif isinstance(error, OSError) and _in_echo(error):
            _complain(f"{name}: {not_printed(error)}")
            code = OutputError.exit_code
        elif isinstance(error, UnicodeEncodeError):
            # Names of files may have any bytes, and are taken as they are; texts may not.
            odd = error.object[error.start : error.end]
            _complain(f"{name}: expected text in UTF-8, received {odd!r}; see {name} --help")
            code = UsageError.exit_code
        else:
            logging.getLogger(__name__).debug("internal error", exc_info=True)
            told = any("--log-level" in parameter.opts for parameter in command.params)
            remedy = "run again with --log-level debug and report it" if told else "report it"
            _complain(
                f"{name}: internal error: {type(error).__name__}: {' '.join(str(error).split())}; "
                f"{remedy}"
            )
            code = 1
    _give_up_broken_streams()
    leave(code if isinstance(code, int) else 0)


def not_printed(error: OSError) -> OutputError:
    """Say that standard output takes nothing, as on a full disk."""
    return OutputError(
        f"standard output cannot be written: {error.strerror}",
        "free the disk that it goes to, or send it elsewhere",
    )


def _complain(text: str) -> None:
    """Write a line to standard error; where that cannot be, the exit code has to say it."""
    with contextlib.suppress(OSError):
        click.echo(scrub(text), err=True)


def _in_echo(error: OSError) -> bool:
    """Return whether an error comes from printing, and not from some file of the command's."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return bool(frames) and frames[-1][0].f_globals.get("__name__") == click.echo.__module__


def _give_up_broken_streams() -> None:
    """Drop what a full disk has not taken: Python would try again at its end, and end with 120.

    The service manager knows by the code whether to start again.
    """
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


def _open_standard_streams() -> None:
    """Put the null device where standard input, output or error are closed.

    Their numbers would go to the next files that are opened, the log among them, and what
    libraries say on standard error would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stderr is None:
        raw = io.FileIO(2, "w", closefd=False)
        sys.stderr = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)


def _missing(error: ImportError) -> str:
    """Say in one line what has to be installed: a system library or a Python package."""
    found = _LIBRARY.search(str(error))
    if found is None:
        text = scrub(" ".join(str(error).split()))
        return f"a part of the installation does not load: {text}; install fer-edge again"
    remedy = (
        "run: sudo apt-get install libgl1 libglib2.0-0"
        if found[1] in _OF_OPENCV
        else f"install the package of your system that has {found[1]}"
    )
    return f"the system library {found[1]} is missing; {remedy}"
