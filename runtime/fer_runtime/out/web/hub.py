"""What clients are told: kept once, whatever their number.

A client is a cursor, the number of the newest event that it has. Of moments and of the status
only the newest is kept, so that a slow client skips what is stale; visits and minutes are kept
in a ring, and a client that has fallen behind it is to be dropped. No client costs memory.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from ...reading import Minute, Moment, Record, Visit

_RING: Final = 128
"""Visits and minutes kept for who reconnects: some hours of a quiet kiosk, a minute of a crowd."""


@dataclass(frozen=True)
class Event:
    """One event of the stream."""

    number: int
    """Counts the events of the run, from 1."""
    kind: str
    """``moment``, ``visit``, ``minute`` or ``status``."""
    record: Record | Mapping[str, Any]

    @cached_property
    def data(self) -> bytes:
        """The lines of the event, made once for all clients."""
        record = self.record
        if isinstance(record, Moment | Visit | Minute):
            record = record.to_dict()
        text = f"id: {self.number}\nevent: {self.kind}\ndata: {to_json(record)}\n\n"
        return text.encode()


class Behind(Exception):
    """A client has missed what is no longer kept."""


class Hub:
    """Takes records from the daemon's threads and gives events to the server's.

    Parameters
    ----------
    moment
        What is known before the first record.
    """

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        """The newest one, told or not."""
        self.status: Mapping[str, Any] = {}
        """The newest status record; empty before the first."""
        self._lock = threading.Lock()
        self._number = 0
        self._forgotten = 0
        """Number of the newest event that has left the ring."""
        self._newest: dict[str, Event] = {}
        self._ring: deque[Event] = deque(maxlen=_RING)
        self._answer: tuple[int, int, bytes] = (0, 0, b"")
        """What `since` has answered to which cursor, and the cursor after it."""

    @property
    def number(self) -> int:
        """Number of the newest event."""
        return self._number

    def put(self, kind: str, record: Record | Mapping[str, Any]) -> None:
        """Take an event; `kind` as in `Event`."""
        with self._lock:
            self._number += 1
            event = Event(self._number, kind, record)
            if kind in ("moment", "status"):
                self._newest[kind] = event
            else:
                if len(self._ring) == _RING:
                    self._forgotten = self._ring[0].number
                self._ring.append(event)

    def since(self, number: int) -> tuple[bytes, int]:
        """Return the events after `number`, in order, and the cursor after them.

        Clients that keep up ask for the same: it is put together once.

        Raises
        ------
        Behind
            Where some of the events are gone.
        """
        with self._lock:
            if number < self._forgotten:
                raise Behind
            newest = self._number
            if self._answer[:2] == (number, newest):
                return self._answer[2], newest
            kept = [*self._ring, *self._newest.values()]
        events = sorted((e for e in kept if e.number > number), key=lambda e: e.number)
        self._answer = number, newest, b"".join(e.data for e in events)
        return self._answer[2], newest

    def first(self, last: int | None) -> tuple[bytes, int]:
        """Return what a new client is told at once, and its cursor.

        Parameters
        ----------
        last
            Number of the newest event that the client had, where it comes again; what is still
            kept of later visits and minutes follows. None for one that is new.
        """
        with self._lock:
            number = self._number
            status = self._newest.get("status")
            missed = [e for e in self._ring if last is not None and last < e.number <= number]
        # The number of another run is of no use.
        at = number if last is None or last > number else last
        told = [Event(at, "moment", self.moment)]
        if status is not None:
            told.append(Event(at, "status", status.record))
        return b"".join(e.data for e in [*told, *missed]), number


def to_json(record: Mapping[str, Any]) -> str:
    """Return a record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
