"""Which rotated files may go: judged so that a wrong clock, or setting it right, deletes none.

A file bears two dates. Its name has that of its first row, as the clock then said. Its time of
change is when it was put aside; `CsvLog` corrects it when the clock is set while it runs. The
later one counts, up to the newest date that the other logs bear out.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from .files import named_day, rotated_files

_LOGGER = logging.getLogger(__name__)

_GAP: Final = timedelta(days=90)
_WITNESSES: Final = 7
"""After a gap so long, so many days must have a log before the clock is believed: a PC whose
battery is empty may live for days in another year."""


def prune(path: Path, keep_files: int, keep_days: int, wall: datetime | None) -> None:
    """Delete rotated files beyond what is to be kept.

    Parameters
    ----------
    path
        The log.
    keep_files
        Newest files kept; 0 all.
    keep_days
        Days that a file is kept after it was put aside; 0 for ever.
    wall
        The present time, or None where the clock is not to be trusted: no file is then
        deleted for its age.
    """
    today = wall.date() if wall else None
    days: dict[str, date] = {}
    for file in rotated_files(path):
        # A file and its copy that is being compressed are one.
        name = file.name.removesuffix(".gz")
        days[name] = max(_day(path, file, today), days.get(name, date.min))
    # Those of one day stay as `rotated_files` has them: as text, -2 is before what came first.
    by_age = sorted(days, key=days.__getitem__)
    surplus = by_age[: max(0, len(by_age) - keep_files)] if keep_files else []
    old: list[str] = []
    if keep_days and today and days:
        # To the newest log rather than to the clock, which may be years ahead.
        until = min(today, newest_day(days.values()))
        old = [name for name, day in days.items() if (until - day).days > keep_days]
    for file in rotated_files(path):
        name = file.name.removesuffix(".gz")
        if name in surplus or name in old:
            try:
                file.unlink()
                _LOGGER.info("%s: deleted, %s", file, "too old" if name in old else "too many")
            except OSError as error:
                _LOGGER.warning("%s: cannot be deleted: %s", file, error.strerror)


def newest_day(days: Iterable[date]) -> date:
    """Return the newest of some dates that is borne out by others."""
    ordered = sorted(set(days), reverse=True)
    count = 1
    for later, earlier in pairwise(ordered):
        if later - earlier > _GAP:
            if count < _WITNESSES:
                return newest_day(ordered[count:])
            break
        count += 1
    return ordered[0]


def put_aside(path: Path, file: Path, wall: datetime) -> None:
    """Note in a file that it has been put aside at `wall`, or later where the clock is behind."""
    days = [_day(path, f, None) for f in rotated_files(path) if f != file]
    newest = newest_day(days) if days else date.min
    if newest > wall.date():
        wall = datetime(newest.year, newest.month, newest.day)
    stamp(file, wall.timestamp())


def stamp(file: Path, when_s: float) -> None:
    """Set the time of change of a rotated file, compressed or not, in seconds since 1970."""
    for name in (file, file.with_name(file.name + ".gz")):
        with contextlib.suppress(OSError):
            os.utime(name, (when_s, when_s))


def _day(path: Path, file: Path, today: date | None) -> date:
    """Return the day from which the age of a file counts."""
    named = named_day(path, file)
    try:
        aside = datetime.fromtimestamp(file.stat().st_mtime).date()
    except (OSError, ValueError, OverflowError):
        return named
    if today and named > today + timedelta(days=1):
        return aside  # its clock was ahead
    return max(named, aside)
