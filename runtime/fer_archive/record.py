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

from fer_runtime.labels import LABELS, LONGEST_NAME
from fer_runtime.out.mqtt.client import LONGEST_DEVICE, device_bytes

from .parquet import FIELDS, TIME
from .spool import key_of

_MOST_BYTES: Final = 1 << 16
"""No record of ours has a fiftieth of it."""
_MOST_S: Final = 1e9
_MOST_COUNT: Final = 1 << 53
"""No number of a record is larger. One that is would stop every report on the archive, as would
a day in the year 9999 or a label that is none."""
_RANGES: Final = {
    **dict.fromkeys(("confidence", "probabilities", "detection_score", "largest_face"), (0, 1)),
    "valence": (-1, 1),
}
"""Of the numbers that are no seconds, which are 0 or more."""
_NEEDED: Final = {
    "reading": ("confidence", "probabilities"),
    "visit": ("emotion_seconds",),
    "minute": ("emotion_seconds", "people_max", "visits_begun"),
}
"""What a report cannot do without, beside the key; other fields may be unknown."""
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
        needed = [value for name in _NEEDED[kind] for value in _parts(record[name])]
        good = None not in (*key, *needed) and device_bytes(record["device"]) <= LONGEST_DEVICE
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return record if good else None


def _parts(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else [value]


def _fit(name: str, kept: str, value: Any) -> Any:
    """Return a value that DuckDB reads as the type `kept`; ValueError where it would not."""
    if value is None:
        return None
    if kept.startswith("STRUCT") and isinstance(value, dict):
        return {n: _fit(name, "DOUBLE", value.get(n)) for n in _NUMBER.findall(kept)}
    if kept.endswith("[]") and isinstance(value, list):
        return [_fit(name, "BIGINT", v) for v in value[:4]]
    if kept == "VARCHAR" and isinstance(value, str):
        value.encode()  # half a surrogate pair is JSON for Python alone
        if len(value) > LONGEST_NAME:  # the keys of many records are kept
            raise ValueError(name)
        if name in _TIMES and not _TIME_TEXT.fullmatch(value):
            raise ValueError(value)
        if name in _TIMES and not 1970 <= datetime.fromisoformat(value).year < 2100:
            raise ValueError(value)
        if name == "emotion" and value not in LABELS:
            raise ValueError(value)
        return value
    if not isinstance(value, bool):
        if kept == "BIGINT" and isinstance(value, int) and 0 <= value <= _MOST_COUNT:
            return value
        low, high = _RANGES.get(name, (0, _MOST_S))
        if kept == "DOUBLE" and isinstance(value, int | float) and low <= value <= high:
            return value
    raise ValueError(name)
