"""What a collector has received and not yet turned into Parquet: lines on the disk.

A message is acknowledged once its line is on the disk; the broker sends it again where that did
not come to pass. A message that comes twice has the key of the first and leaves no line.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import OutputError

from .disk import sync

_LOGGER = logging.getLogger(__name__)

KINDS: Final = ("reading", "visit", "minute")
"""Topics that are collected; ``room`` and ``status`` say what is now and are not."""

_REMEMBERED: Final = 100_000
"""Keys kept to know a repeated message: a broker repeats what was not acknowledged, which is
what was in flight: at most 65,535 messages."""

Key = tuple[Any, ...]


def key_of(kind: str, record: Mapping[str, Any]) -> Key:
    """Return what makes a record the same as another; KeyError where a field is missing."""
    who = (kind, record["device"], record["run"])
    if kind == "reading":
        return (*who, record["number"])
    if kind == "visit":
        return (*who, record["face_id"], record["event"], record["end"])
    # A clock that is set gives one minute of the day twice.
    return (*who, record["minute"], record["seconds_watched"], record["seconds_away"])


class Spool:
    """The open spool file of one collector.

    Parameters
    ----------
    folder
        Where spool files are; made if absent. One collector at a time may use it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: OrderedDict[Key, None] = OrderedDict()
        self._fd = -1
        self.path = folder / "none"
        self.records = 0
        """Lines in the open file."""

    def open(self) -> list[Path]:
        """Begin a new file; return those that a former run left, the oldest first.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            left = sorted(self._folder.glob("*.jsonl"))
            for path in left:
                self._learn(path)
            self._begin()
        except OSError as error:
            raise self._refusal(error) from None
        return left

    def add(self, messages: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
        """Put messages of ``(kind, record)`` onto the disk; return how many were new.

        When this returns, they are safe. OutputError where the disk is full: none of them is.
        """
        lines, keys = [], []
        for kind, record in messages:
            key = key_of(kind, record)
            if key not in self._seen:
                self._seen[key] = None
                keys.append(key)
                lines.append(json.dumps({"kind": kind, **record}, separators=(",", ":")))
        if lines:
            blob = ("\n".join(lines) + "\n").encode()
            self._renew()
            size = os.fstat(self._fd).st_size
            try:
                if os.write(self._fd, blob) != len(blob):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fdatasync(self._fd)
            except OSError as error:
                os.ftruncate(self._fd, size)  # no half a line
                for key in keys:
                    del self._seen[key]
                raise self._refusal(error) from None
            self.records += len(lines)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return len(lines)

    def roll(self) -> Path | None:
        """Close the open file and begin another; return the closed one, None if it is empty."""
        if not self.records:
            return None
        closed = self.path
        os.close(self._fd)
        try:
            self._begin()
        except OSError as error:
            raise self._refusal(error) from None
        return closed

    def close(self) -> None:
        """Close the file; an empty one goes."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            if not self.records:
                self.path.unlink(missing_ok=True)

    def _renew(self) -> None:
        """Begin another file where somebody has deleted the open one: nothing in it is safe."""
        if os.fstat(self._fd).st_nlink:
            return
        _LOGGER.error("spool %s: was deleted with %d records in it", self.path, self.records)
        os.close(self._fd)
        try:
            self._begin()
        except OSError as error:
            raise self._refusal(error) from None

    def _begin(self) -> None:
        # Numbers go on counting, so that the order of names is that of time whatever the clock
        # says, and the Parquet files made of a spool have a name that is never used again.
        counter = self._folder / "next"
        text = counter.read_text("ascii", "replace") if counter.exists() else ""
        if not text.isdecimal():  # the first time, or what a power cut has left
            there = (path.name[:10] for path in self._folder.glob("*.jsonl"))
            text = str(1 + max((int(name) for name in there if name.isdecimal()), default=0))
        number = int(text)
        partial = counter.with_suffix(".tmp")
        partial.write_text(str(number + 1), "ascii")
        os.replace(partial, counter)
        self.path = self._folder / f"{number:010d}-{uuid.uuid4().hex[:8]}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._fd = os.open(self.path, flags, 0o640)
        self.records = 0

    def _learn(self, path: Path) -> None:
        """Take over the keys of a file that was left; damaged lines were never acknowledged.

        A power cut may tear the last line, or leave zeros in the midst of the last lines.
        """
        *lines, rest = path.read_bytes().split(b"\n")
        good = []
        for line in lines:
            try:
                record = json.loads(line)
                self._seen[key_of(record["kind"], record)] = None
            except (ValueError, KeyError, TypeError):
                continue
            good.append(line)
        bad = len(lines) - len(good) + bool(rest)
        if bad:
            _LOGGER.warning("%s: %d damaged lines are left out", path, bad)
            partial = path.with_suffix(".tmp")
            partial.write_bytes(b"".join(line + b"\n" for line in good))
            sync(partial)
            os.replace(partial, path)

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(
            f"spool {self._folder}: cannot be written: {error.strerror}",
            "make room; what has not been acknowledged waits at the broker",
        )
