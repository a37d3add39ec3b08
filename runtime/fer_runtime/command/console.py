"""What all commands share: errors become one line and an exit code, never a traceback."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

import click

from ..errors import ConfigError, FerError
from ..urls import scrub


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
    try:
        code = command.main(arguments, prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.ClickException as error:
        # click's own form is four lines; the remedy is the same.
        text = scrub(" ".join(error.format_message().split()))
        click.echo(f"{name}: {text}; see {name} --help", err=True)
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo(f"{name}: interrupted", err=True)
        code = 130
    except FerError as error:
        click.echo(f"{name}: {error}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`; that is no failure.
        sys.stderr.close()
        code = 0
    except ImportError as error:
        click.echo(f"{name}: {_what_is_missing(error)}", err=True)
        code = ConfigError.exit_code
    except Exception as error:
        logging.getLogger(__name__).debug("internal error", exc_info=True)
        text = scrub(" ".join(str(error).split()))
        click.echo(
            f"{name}: internal error: {type(error).__name__}: {text}; "
            "run again with --log-level debug and report it",
            err=True,
        )
        code = 1
    leave(code if isinstance(code, int) else 0)


def _what_is_missing(error: ImportError) -> str:
    """Name what has to be installed for a library or package that cannot be loaded."""
    text = scrub(" ".join(str(error).split()))
    if "cannot open shared object file" in text:  # libGL.so.1, libgthread-2.0.so.0
        remedy = "on Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
    else:
        remedy = "install it again: pip install --force-reinstall fer-edge"
    return f"a library cannot be loaded: {text}; {remedy}"
