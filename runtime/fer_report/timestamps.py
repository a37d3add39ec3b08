"""ISO-8601 times with a UTC offset, a hundred thousand at a time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_WIDTH: Final = 29
"""Length of ``2026-03-02T09:00:00.000+01:00``, the form that our logs have."""

_DIGITS: Final = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 22, 24, 25, 27, 28)
_MARKS: Final = {4: b"-", 7: b"-", 10: b"T", 13: b":", 16: b":", 19: b".", 26: b":"}


def parse_times(
    texts: NDArray[Any],
) -> tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.bool_]]:
    """Parse many times at once.

    Parameters
    ----------
    texts
        (N,) of str.

    Returns
    -------
    utc_ms
        (N,) int64, milliseconds since 1970-01-01 UTC; 0 where a text is no time.
    offset_min
        (N,) int16, minutes that local time is ahead of UTC.
    valid
        (N,) bool. A time without an offset is not valid: it names no instant.
    """
    # One byte more than needed, so that a longer text is seen to be longer.
    raw = np.asarray([str(t) for t in texts] if texts.dtype != object else texts)
    try:
        matrix = raw.astype(f"S{_WIDTH + 1}").view(np.uint8).reshape(len(raw), _WIDTH + 1)
    except UnicodeEncodeError:
        matrix = np.zeros((len(raw), _WIDTH + 1), np.uint8)
    digits = matrix[:, _DIGITS].astype(np.int64) - ord("0")  # (N, 21)
    plain = ((digits >= 0) & (digits <= 9)).all(axis=1) & (matrix[:, _WIDTH] == 0)
    for place, mark in _MARKS.items():
        plain &= matrix[:, place] == mark[0]
    sign = matrix[:, 23]
    plain &= (sign == ord("+")) | (sign == ord("-"))

    def number(first: int, last: int) -> NDArray[np.int64]:
        powers = 10 ** np.arange(last - first - 1, -1, -1)
        return np.asarray(digits[:, first:last] @ powers, np.int64)

    year, month, day = number(0, 4), number(4, 6), number(6, 8)
    hour, minute, second, ms = number(8, 10), number(10, 12), number(12, 14), number(14, 17)
    offset = number(17, 19) * 60 + number(19, 21)
    plain &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    plain &= (hour < 24) & (minute < 60) & (second < 61) & (offset < 24 * 60)
    months = np.where(plain, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.int64) + day - 1
    offset = np.where(sign == ord("-"), -offset, offset)
    utc = ((days * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1000 + ms
    utc, offset = np.where(plain, utc, 0), np.where(plain, offset, 0)
    for index in np.flatnonzero(~plain):
        parsed = _parse_one(str(texts[index]))
        if parsed is not None:
            utc[index], offset[index] = parsed
            plain[index] = True
    return utc, offset.astype(np.int16), plain


def _parse_one(text: str) -> tuple[int, int] | None:
    """Parse any other ISO form: ``Z``, other digits of a second, none at all."""
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
        offset = moment.utcoffset()
        if offset is None:
            return None
        return round(moment.timestamp() * 1000), int(offset.total_seconds() // 60)
    except (ValueError, OverflowError):
        return None


def as_datetime(utc_ms: int, offset_min: int) -> datetime:
    """Return the local time of an instant, with its offset."""
    zone = timezone(timedelta(minutes=int(offset_min)))
    return datetime.fromtimestamp(int(utc_ms) / 1000, tz=zone)
