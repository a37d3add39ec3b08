"""What a batch has done: one record per clip, and ``index.csv`` made of them.

A record is written last, after the clip's results lie in place; a batch that was killed
therefore goes on with the clips that have none.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fer_runtime.errors import OutputError
from fer_runtime.settings.schema import Settings

from .analysis import Outcome
from .clips import Clip

RECORDS = ".done"
COLUMNS = ("file", "sha256", "duration_s", "frames", "faces", "face_s", "error")


class Index:
    """The records of one folder of results.

    Parameters
    ----------
    out
        The folder.
    settings, every_frame
        What the results depend on: other settings make old records void.
    """

    def __init__(self, out: Path, settings: Settings, every_frame: bool) -> None:
        self._out = out
        asked = json.dumps([asdict(settings), every_frame], sort_keys=True, default=str)
        self._asked = hashlib.sha256(asked.encode()).hexdigest()

    def known(self, clip: Clip) -> Outcome | None:
        """Return what an earlier batch found in this very file with these settings, or None."""
        try:
            record = json.loads(self._path(clip.name).read_text("utf-8"))
            outcome = Outcome(**record["outcome"])
            same = record["asked"] == self._asked and record["stamp"] == _stamp(clip)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return outcome if same and not outcome.error else None

    def add(self, clip: Clip, outcome: Outcome) -> None:
        """Note that a clip is done."""
        record = {"asked": self._asked, "stamp": _stamp(clip), "outcome": asdict(outcome)}
        self._write(self._path(clip.name), json.dumps(record))

    def write(self, outcomes: list[Outcome]) -> None:
        """Write ``index.csv``, one row per clip, by name."""
        table = io.StringIO()
        writer = csv.DictWriter(table, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(o) for o in sorted(outcomes, key=lambda o: o.file))
        self._write(self._out / "index.csv", table.getvalue())

    def _path(self, name: str) -> Path:
        return self._out / RECORDS / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"

    def _write(self, path: Path, text: str) -> None:
        partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, "utf-8")
            os.replace(partial, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def _stamp(clip: Clip) -> list[Any]:
    try:
        changed = clip.path.stat().st_mtime_ns
    except OSError:  # gone since it was listed; its outcome is an error, which is never reused
        changed = 0
    return [str(clip.path.resolve()), clip.size, changed]
