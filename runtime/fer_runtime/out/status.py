"""Health of a running process: a small JSON file kept up to date, and its reader."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import filelock

from ..errors import OutputError, check_folder, check_replaceable
from ..reading import STATES
from ..settings.out import StatusSettings
from .atomic import lock_replaced, write_atomically
from .rates import CounterRates, Histogram, memory_mb
from .sums import Sum

_LOGGER = logging.getLogger(__name__)

EXIT_RUNNING: Final = 0
EXIT_DOWN: Final = 1
"""No status file, an old one, or its process has ended."""
EXIT_UNREADABLE: Final = 65
EXIT_NO_PICTURE: Final = 69
"""The process lives, but the source is lost or covered."""


@dataclass(frozen=True)
class Status:
    """What the status file says; every field is a key of the JSON."""

    state: str
    """One of `reading.STATES`."""
    source: str
    """Where frames come from, as far as it may be shown (`urls.public_url`)."""
    state_for_s: float = 0.0
    """How long the source has been in its state, in seconds."""
    reason: str = ""
    """Why the source is lost."""
    captured: int = 0
    """Frames received from the source since the start."""
    processed: int = 0
    """Frames analysed."""
    skipped: int = 0
    """Frames replaced by a newer one before they were analysed."""
    failed: int = 0
    """Frames left out because the analysis failed on them."""
    captured_fps: float = 0.0
    processed_fps: float = 0.0
    skipped_fps: float = 0.0
    latency_ms: dict[str, float] = field(default_factory=dict)
    """``p50``, ``p95``, ``p99`` of the analysis of a frame, in milliseconds."""
    latency_histogram: dict[str, Any] = field(default_factory=Histogram().status)
    """``counts`` of frames since the start by upper bound in seconds, and their ``sum_s``."""
    last_frame_age_s: float | None = None
    """Seconds since the last analysed frame; None before the first."""
    faces: int = 0
    """Faces in the last frame."""
    readings: int = 0
    """Face readings since the start."""
    visits: int = 0
    """Visits begun since the start."""
    watched_s: float = 0.0
    """Seconds with a picture since the start."""
    away_s: float = 0.0
    """Seconds without: the source was lost or covered."""
    face_seconds: dict[str, float] = field(default_factory=lambda: Sum().seconds)
    """Seconds of faces in view since the start, by shown label."""
    csv_rows: int = 0
    csv_dropped: int = 0
    """Rows that could not be written."""
    csv_written_at: str = ""
    """Local time of the newest row that has reached a log, ISO 8601; empty before the first."""
    csv_free_mb: float | None = None
    """Free space where the logs are, in MB (10⁶ bytes); None where unknown."""
    device: str = ""
    """Name of this kiosk in records and topics."""
    model: str = ""
    interpreter: str = ""
    version: str = ""
    pid: int = 0
    uptime_s: float = 0.0
    rss_mb: float | None = None
    """Resident memory in MB (10⁶ bytes)."""
    interval_s: float = 5.0
    """Time between two updates; a file that is older than a few of them is not kept up."""
    written_at: str = ""
    """Local time with its offset, ISO 8601."""


class StatusWriter:
    """Makes the status record, and keeps the status file where there is one.

    Parameters
    ----------
    settings
        ``path`` (empty: no file) and ``interval_s``.
    version
        Version of the program.
    clock
        Monotonic seconds.

    Raises
    ------
    OutputError
        If the file's folder is missing or out of reach, the file is a device or pipe, or another
        process keeps it.
    """

    def __init__(
        self, settings: StatusSettings, *, version: str, clock: Callable[[], float]
    ) -> None:
        self._path = Path(settings.path).expanduser() if settings.path else None
        self._interval_s = settings.interval_s
        self._version, self._started_s = version, clock()
        self._rates = CounterRates()
        self._failing = False
        self._lock: filelock.BaseFileLock | None = None
        if self._path is not None:
            check_folder(self._path, "status file")
            check_replaceable(self._path, "status file")
            self._lock = lock_replaced(
                self._path,
                "status file",
                "stop it, if it is the service with: systemctl stop fer-runtime; or give "
                "--status-file another name",
            )

    def close(self) -> None:
        """Leave the file, as it is, to the next process."""
        if self._lock is not None:
            self._lock.release()

    def reload(self, settings: StatusSettings) -> None:
        """Take over the new interval, for readers of the file to know it."""
        self._interval_s = settings.interval_s

    def write(self, record: Mapping[str, Any], now: float, wall: datetime) -> dict[str, Any]:
        """Write the status; never raises for a disk: one warning, one message on recovery.

        Parameters
        ----------
        record
            Fields of `Status` that the caller knows; the rest is filled in here.
        now
            Monotonic time in seconds.
        wall
            Aware local time.

        Returns
        -------
        The whole status, as it is in the file.
        """
        captured, skipped = self._rates.update(
            now, record.get("captured", 0), record.get("skipped", 0)
        )
        own = {
            "captured_fps": round(captured, 2),
            "skipped_fps": round(skipped, 2),
            "version": self._version,
            "pid": os.getpid(),
            "uptime_s": round(now - self._started_s, 1),
            "rss_mb": memory_mb(),
            "interval_s": self._interval_s,
            "written_at": wall.isoformat(timespec="milliseconds"),
        }
        full = asdict(Status(**{**own, **record}))
        if self._path is not None:
            try:
                write_atomically(self._path, json.dumps(full, ensure_ascii=False, indent=1) + "\n")
            except OSError as error:
                if not self._failing:
                    _LOGGER.warning("status file %s: cannot be written: %s",
                                    self._path, error.strerror)  # fmt: skip
                self._failing = True
            else:
                if self._failing:
                    _LOGGER.warning("status file %s: written again", self._path)
                self._failing = False
        return full


def read_status(path: Path, now: float) -> tuple[str, int]:
    """Read the status file of a running process, for people and for monitoring.

    Parameters
    ----------
    path
        The status file.
    now
        Wall time in seconds since 1970.

    Returns
    -------
    text
        A summary in the first line, then one line per field.
    code
        0 running (or idle, or starting) · 1 not running: no file, an old one, or its process
        has ended · 65 the file is not a status file · 69 running without a picture: source
        lost or covered.
    """
    try:
        check_replaceable(path, "status file")  # reading a pipe or device might never end
        raw = json.loads(path.read_text("utf-8"))
        head, code = _judged(Status(**raw), now)
    except FileNotFoundError:
        return f"not running: no status file {path}; is status.path set?", EXIT_DOWN
    except OutputError as error:
        return str(error), EXIT_UNREADABLE
    except OSError as error:
        return f"status file {path}: cannot be read: {error.strerror}", EXIT_UNREADABLE
    except (ValueError, TypeError, OverflowError, RecursionError):
        return f"status file {path}: expected the JSON that fer-runtime writes", EXIT_UNREADABLE
    lines = [f"  {key:<17} {_shown(value)}" for key, value in raw.items()]
    return "\n".join([head, *lines]), code


def _judged(status: Status, now: float) -> tuple[str, int]:
    """Return the first line and the exit code; ValueError or TypeError for foreign values."""
    if status.state not in STATES:
        raise ValueError(status.state)
    figures = (status.interval_s, status.state_for_s, status.processed_fps, status.faces)
    # What a damaged disk leaves is JSON at times. A process id is an int of C.
    good_pid = isinstance(status.pid, int) and 0 <= status.pid < 1 << 31
    if not (good_pid and all(map(math.isfinite, figures))):
        raise ValueError(status)
    age_s = now - datetime.fromisoformat(status.written_at).timestamp()
    # A few missed updates may be a busy machine.
    limit_s = 3 * status.interval_s + 5
    if status.state == "stopping":
        return f"not running: it ended {age_s:.0f} s ago", EXIT_DOWN
    if not _is_alive(status.pid):
        return f"not running: process {status.pid} has ended", EXIT_DOWN
    if abs(age_s) > limit_s:
        head = f"hanging: written {age_s:.0f} s ago, expected every {status.interval_s:g} s"
        return head, EXIT_DOWN
    if status.state in ("retrying", "covered"):
        head = f"{status.state} for {status.state_for_s:.0f} s: {status.source} {status.reason}"
        return head.rstrip(), EXIT_NO_PICTURE
    faces = f"{status.faces} face{'' if status.faces == 1 else 's'}"
    head = f"{status.state}: {status.processed_fps:.1f} fps, {faces}, source {status.source}"
    return head, EXIT_RUNNING


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "-"
    return str(value)


def _is_alive(pid: int) -> bool:
    """Return whether a process exists; True where that cannot be asked."""
    if os.name != "posix" or pid <= 0:
        return True  # os.kill would end it on Windows
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is another user's
    return True
