"""The small files of a kiosk's day become one, once that day is over.

A day has a file per roll and collector. They are merged beside the archive into a folder that
then changes places with the day's, in one step of the file system: whoever lists the day sees
all the small files or the one, never both and never neither. A file that was listed before and
is opened after is not there any more: such a query ends with an error and is asked again.

A kill leaves the journal, from which the next one goes on; nothing that is not in the merged
file is ever deleted.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import filelock

from fer_runtime.errors import DataError, OutputError

from .disk import exchange, sync
from .parquet import duckdb, merge_query, open_engine, plain_error
from .spool import KINDS

OVER: Final = timedelta(hours=36)
"""From a day's begin in UTC until it is over everywhere: UTC-12 is the last to end it."""

_WORK: Final = ".compact"
_MADE: Final = "merged"
_JOURNAL: Final = "journal.json"


@dataclass
class Compacted:
    """What a pass over the archive has done."""

    days: int = 0
    """Days of one kiosk, of one kind of record."""
    files: int = 0
    """Files that they were in; now each is in one."""
    repeated: int = 0
    """Records that were there twice and are there once now."""
    refused: int = 0
    """Days that were left as they are, since a file of theirs cannot be read."""
    first: str = ""
    """Why the first of them was."""


def compact(out: Path, now: datetime, stopped: Callable[[], bool] = lambda: False) -> Compacted:
    """Merge the files of each kiosk's day that is over; a day that has one file is done.

    Parameters
    ----------
    out
        Folder of the archive.
    now
        Time with an offset.
    stopped
        Asked before each day; the pass ends where it returns True.

    Raises
    ------
    OutputError
        If the archive cannot be written, its file system cannot exchange folders, or another pass
        is under way.
    """
    done = Compacted()
    work = out / _WORK
    try:
        with filelock.FileLock(out / f"{_WORK}.lock", timeout=0), open_engine(work) as db:
            _finish(out)
            for kind in KINDS:
                for day in sorted((out / kind).glob("device=*/day=*")):
                    if stopped():
                        return done
                    if _is_over(day.name.removeprefix("day="), now):
                        _compact_day(db, out, kind, day, done)
            shutil.rmtree(work, ignore_errors=True)
    except filelock.Timeout:
        raise OutputError(
            f"archive {out}: another fer-collect is compacting it", "wait for its end"
        ) from None
    except OSError as error:
        raise OutputError(f"archive {out}: cannot be compacted: {error.strerror}") from None
    return done


def _compact_day(db: Any, out: Path, kind: str, day: Path, done: Compacted) -> None:
    names = sorted(name for name in os.listdir(day) if name.endswith(".parquet"))
    # Asked after the listing: a spool goes once all its files are there.
    if len(names) < 2 or _pending(out) & {name.removesuffix(".parquet") for name in names}:
        return
    try:
        done.repeated += _merge(db, out, kind, day, names)
    except DataError as error:
        done.refused += 1
        done.first = done.first or str(error)
        shutil.rmtree(out / _WORK / _MADE, ignore_errors=True)
        return
    done.days += 1
    done.files += len(names)


def _merge(db: Any, out: Path, kind: str, day: Path, names: list[str]) -> int:
    """Put one file in the place of several; return how many records were repeated."""
    work = out / _WORK
    folder = work / _MADE
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # A name that was never there, so that no reader takes it for a file that it has listed.
    made = folder / f"day-{uuid.uuid4().hex[:12]}.parquet"
    files = [day / name for name in names]
    try:
        (before,) = db.execute(
            "SELECT count(*) FROM read_parquet(?)", [list(map(str, files))]
        ).fetchone()
        (after,) = db.execute(merge_query(kind, files, made)).fetchone()
    except duckdb().Error as error:
        raise plain_error(error, out, f"archive {day}") from None
    _like(day, folder, made)
    for path in (made, folder):
        sync(path)
    journal = work / _JOURNAL
    partial = journal.with_suffix(".tmp")
    partial.write_text(
        json.dumps({"day": day.relative_to(out).as_posix(), "made": made.name, "merged": names}),
        "utf-8",
    )
    sync(partial)
    os.replace(partial, journal)
    sync(work)
    try:
        exchange(folder, day)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise
        _finish(out)
        raise OutputError(
            f"archive {out}: its file system cannot exchange two folders; nothing is compacted",
            "run fer-collect --compact on the machine that has the disk",
        ) from None
    for path in (work, day.parent):
        sync(path)
    _finish(out)
    return int(before) - int(after)


def _finish(out: Path) -> None:
    """Do what is left of the exchange that the journal names, whether it came to pass or not."""
    work = out / _WORK
    journal = work / _JOURNAL
    if not journal.exists():
        # Nothing has changed places: what lies there is copies.
        shutil.rmtree(work / _MADE, ignore_errors=True)
        return
    record = json.loads(journal.read_text("utf-8"))
    folder, day = work / _MADE, out / record["day"]
    if (folder / record["made"]).exists():
        (folder / record["made"]).unlink()
        folder.rmdir()
    while folder.exists():
        # The day's old folder. What has come into it since it was listed belongs to the new one;
        # a folder that is not empty does not go.
        for name in os.listdir(folder):
            if name in record["merged"]:
                (folder / name).unlink()
            else:
                day.mkdir(parents=True, exist_ok=True)
                os.replace(folder / name, day / name)
                sync(day)
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
    journal.unlink()


def _pending(out: Path) -> set[str]:
    """Return the names of Parquet files whose spool is still there: they may be written again."""
    found = set()
    for spool in os.listdir(out):
        if spool.startswith(".spool-"):
            for name in os.listdir(out / spool):
                found.add(f"{spool.removeprefix('.spool-')}-{name.removesuffix('.jsonl')}")
    return found


def _is_over(text: str, now: datetime) -> bool:
    try:
        begin = datetime.combine(date.fromisoformat(text), time(), timezone.utc)
    except ValueError:
        return False
    return now - begin >= OVER


def _like(day: Path, folder: Path, made: Path) -> None:
    """Give the new folder and file owner and mode of the day's, which another user may read."""
    old, inside = day.stat(), next(day.glob("*.parquet")).stat()
    folder.chmod(old.st_mode & 0o7777)
    made.chmod(inside.st_mode & 0o7777)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.chown(folder, old.st_uid, old.st_gid)
        os.chown(made, inside.st_uid, inside.st_gid)
