"""What Parquet of other programs may hold and no log does: named once the figures fail on it.

Looking at every value of a hundred million rows first would take as long as half a report, and
what our own programs write has been looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS, LABELS

from .csv_logs import FACE_LIMIT, LATEST_MS

_NUMBERS: Final = (
    "utc_offset_min", "elapsed_s", "frame", "face_id", "confidence",
    *(f"p_{e}" for e in EMOTIONS),
)  # fmt: skip
_NUMBER: Final = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)")
_TIME: Final = re.compile(r"TIMESTAMP.*|DATE")
_REMEDY: Final = "give what fer-report export --to parquet or fer-collect has written"

_RULES: Final[dict[str, tuple[str, str, str]]] = {
    "emotion": ("emotion", f"emotion IN ({', '.join(repr(e) for e in LABELS)})",
                f"one of {', '.join(LABELS)}"),
    "timestamp": ("utc_ms", f"utc_ms BETWEEN 0 AND {LATEST_MS}", "from 1970 to 2100"),
    "utc_offset_min": ("offset_min", "offset_min BETWEEN -1439 AND 1439", "-1439 to 1439"),
    "elapsed_s": ("elapsed_s", f"elapsed_s BETWEEN 0 AND {LATEST_MS // 1000}", "0 or more"),
    "frame": ("frame", "frame BETWEEN 0 AND 9000000000000000", "0 or more"),
    "face_id": ("face_id", f"face_id BETWEEN 0 AND {FACE_LIMIT}", "0 or more"),
    "run": ("run", "run IS NOT NULL", "a name or number"),
    **{name: (name, f"{name} BETWEEN 0 AND 1", "0 to 1")
       for name in ("confidence", *(f"p_{e}" for e in EMOTIONS))},
}  # fmt: skip
"""By column of the files: its name in ``readings``, what good rows meet, and that in words."""


def check_types(described: Iterable[Sequence[Any]], shown: str) -> None:
    """DataError where a column is of a type that cannot be counted with.

    Parameters
    ----------
    described
        Name and type of each column, as DuckDB's DESCRIBE returns them.
    shown
        The file, for the message.
    """
    for name, kind, *_ in described:
        wanted = "numbers" if name in _NUMBERS else "times" if name == "timestamp" else ""
        if wanted and not (_NUMBER if wanted == "numbers" else _TIME).fullmatch(kind):
            raise DataError(f"log {shown}: expected {wanted} in {name}, received {kind}", _REMEDY)


def impossible(engine: Any) -> DataError | None:
    """Return an error that names the first column with values that no log has; None without.

    Parameters
    ----------
    engine
        An `engine.Engine` that has the table ``readings``.
    """
    bad = ", ".join(
        f"sum(CASE WHEN {good} THEN 0 ELSE 1 END) AS {name}"
        for name, (_, good, _) in _RULES.items()
    )
    counts = engine.columns(f"SELECT {bad} FROM readings")
    for name, (column, good, words) in _RULES.items():
        if not (rows := int(counts[name][0])):
            continue
        found = engine.columns(
            f"SELECT coalesce(CAST({column} AS VARCHAR), 'nothing') AS value FROM readings "
            f"WHERE NOT coalesce({good}, false) LIMIT 1"
        )["value"][0]
        if column == "utc_ms" and found != "nothing":
            found = str(np.datetime64(int(found), "ms"))
        if not found:
            found = "an empty text"
        return DataError(
            f"Parquet: expected {name} {words}, received {found} in {rows} row{'s' * (rows > 1)}",
            _REMEDY,
        )
    return None
