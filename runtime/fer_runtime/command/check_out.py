"""The part of ``--check`` that is about what leaves the daemon; nothing is changed or sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..errors import OutputError, check_folder, check_replaceable
from ..settings.schema import Settings


def out_checks(settings: Settings) -> list[tuple[str, Callable[[], str]]]:
    """Return a trial for each file, broker and port that the settings ask for.

    Each returns what it has found, or raises the error that the run would end with.
    """
    checks: list[tuple[str, Callable[[], str]]] = []
    for key in ("path", "visits", "minutes"):
        if getattr(settings.csv, key):
            checks.append(("csv" if key == "path" else key, partial(_csv, settings, key)))
    if settings.status.path:
        checks.append(("status", lambda: _status(settings)))
    if settings.metrics.textfile:
        checks.append(("textfile", lambda: _textfile(settings)))
    if settings.web.listen:
        checks.append(("web", lambda: _web(settings)))
    if settings.lsl.stream:
        checks.append(("lsl", lambda: _lsl(settings)))
    if settings.mqtt.host:
        checks.append(("mqtt", lambda: _mqtt(settings)))
    return checks


def _csv(settings: Settings, key: str) -> str:
    from ..out.csv import files
    from ..out.csv.place import check_place
    from ..out.csv.row import MINUTES, READINGS, VISITS
    from ..out.sinks import distinct_files

    distinct_files(settings)
    table = {"path": READINGS, "visits": VISITS, "minutes": MINUTES}[key]
    path = Path(os.path.realpath(Path(getattr(settings.csv, key)).expanduser()))
    _check_folder(path, f"csv.{key}")
    check_place(path, f"csv.{key}")
    if not os.path.exists(path):
        return f"{path}, new"
    if not os.access(path, os.W_OK):
        raise OutputError(f"{path}: cannot be written: Permission denied", f"ls -l {path}")
    note = ""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        if files.older_table(descriptor, table):
            return f"{path}, of an earlier version: it will be put aside"
        files.repair(descriptor, path, table)  # says whether it is a log of ours
    except OSError:
        # What it would cut off, it cannot, as the file is open for reading only.
        note = ", whose torn end will be cut off"
    finally:
        os.close(descriptor)
    return f"{path}{note}"


def _status(settings: Settings) -> str:
    path = Path(settings.status.path).expanduser()
    _check_folder(path, "status file")
    check_replaceable(path, "status file")
    if os.path.isdir(path):
        raise OutputError(f"{path}: expected a file, received a folder", "name a file in it")
    return str(path)


def _textfile(settings: Settings) -> str:
    from ..out.metrics.textfile import Textfile
    from ..out.sinks import distinct_files

    distinct_files(settings)
    Textfile(settings.metrics.textfile).open()
    return settings.metrics.textfile


def _web(settings: Settings) -> str:
    from ..out.web.sink import WebSink

    sink = WebSink(settings.web, "check", "check")
    sink.load()
    return f"{sink.address.url} (not listened on)"


def _lsl(settings: Settings) -> str:
    from ..out.lsl import LslOutlet

    LslOutlet(settings.lsl).load()
    return f"{settings.lsl.stream} (not announced)"


def _mqtt(settings: Settings) -> str:
    from ..out.mqtt.client import make_client
    from ..out.sinks import make_sinks

    make_sinks(settings, "check")  # device and prefix
    make_client(settings.mqtt, "check", "check", b"")  # extra, host, password and certificates
    return f"{settings.mqtt.host}:{settings.mqtt.port} (not connected to)"


def _check_folder(path: Path, what: str) -> None:
    check_folder(path, what)
    folder = path.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: expected a folder that can be written", f"ls -ld {folder}")
