"""What all commands share: errors become one line and an exit code, never a traceback."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from ..errors import FerError


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
        text = " ".join(error.format_message().split())
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
    except Exception as error:
        logging.getLogger(__name__).debug("internal error", exc_info=True)
        click.echo(
            f"{name}: internal error: {type(error).__name__}: {' '.join(str(error).split())}; "
            "run again with --log-level debug and report it",
            err=True,
        )
        code = 1
    leave(code if isinstance(code, int) else 0)
