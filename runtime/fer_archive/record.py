"""What of a message is a record: on a broker anybody may publish, under our topics too.

A message that DuckDB could not read would keep its whole spool from becoming Parquet, for ever.
So what is not as docs/schema has it is dropped when it comes, and of the rest the fields that are
kept are taken over and no others.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from fer_runtime.labels import LABELS

from .parquet import FIELDS, TIME
from .spool import key_of

_MOST_BYTES: Final = 1 << 16
"""No record of ours has a fiftieth of it."""
_MOST_DEVICE: Final = 200
"""Bytes: the device is the name of a folder, which may have 255, in DuckDB's quoting."""
_MOST_S: Final = 1e9
_MOST_COUNT: Final = 1 << 53
"""No number of a record is larger. One that is would stop every report on the archive, as would
a day in the year 9999 or a label that is none."""
_TIMES: Final = frozenset({"timestamp", "begin", "end", "minute"})
_TIME_TEXT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}(?:\d{3})?)?[+-]\d\d:\d\d", re.ASCII
)
_NUMBER: Final = re.compile(r"(\w+) DOUBLE")


def record_of(kind: str, payload: bytes) -> dict[str, Any] | None:
    """Return the fields of a record that are kept; None where a message is none.

    Parameters
    ----------
    kind
        Last level of its topic.
    payload
        The message.
    """
    try:
        if len(payload) > _MOST_BYTES:
            return None
        raw = json.loads(payload)
        record = {name: _fit(name, kept, raw.get(name)) for name, kept in FIELDS[kind].items()}
        key = (*key_of(kind, record), record[TIME[kind]], record.get("emotion", ""))
        good = None not in key and len(quote(record["device"], safe="")) <= _MOST_DEVICE
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return record if good else None


def _fit(name: str, kept: str, value: Any) -> Any:
    """Return a value that DuckDB reads as the type `kept`; ValueError where it would not."""
    if value is None:
        return None
    if kept.startswith("STRUCT") and isinstance(value, dict):
        return {n: _fit(n, "DOUBLE", value.get(n)) for n in _NUMBER.findall(kept)}
    if kept.endswith("[]") and isinstance(value, list):
        return [_fit(name, "BIGINT", v) for v in value[:4]]
    if kept == "VARCHAR" and isinstance(value, str):
        value.encode()  # half a surrogate pair is JSON for Python alone
        if name in _TIMES and not _TIME_TEXT.fullmatch(value):
            raise ValueError(value)
        if name in _TIMES and not 1970 <= datetime.fromisoformat(value).year < 2100:
            raise ValueError(value)
        if name == "emotion" and value not in LABELS:
            raise ValueError(value)
        return value
    if not isinstance(value, bool):
        if kept == "BIGINT" and isinstance(value, int) and abs(value) <= _MOST_COUNT:
            return value
        if kept == "DOUBLE" and isinstance(value, int | float) and abs(value) <= _MOST_S:
            return value
    raise ValueError(name)
