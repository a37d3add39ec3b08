"""What the broker has acknowledged lately, to be said again after it was gone.

A broker that is killed forgets what it has acknowledged and not yet passed on. One that begins
again may not know who listens until they are back: mosquitto (2.0.11 and 2.0.21, tried) forgets
shared subscriptions. Both lose seconds, so the seconds around a lost connection are sent twice;
`device`, `run` and `number` tell readers so.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")

BEFORE_S: Final = 30.0
"""How much before the loss is said again: more than a reader needs to make a message safe, a
collector that writes Parquet included."""
AFTER_S: Final = 10.0
"""When after the return it is said, with all that was sent since: fer-collect is back within two
seconds of the broker."""


class Recent(Generic[T]):
    """Acknowledged messages, the newest.

    Parameters
    ----------
    limit
        Messages kept at most.
    """

    def __init__(self, limit: int) -> None:
        self._kept: deque[tuple[float, T]] = deque(maxlen=limit)
        self._broken = False
        self._due_s: float | None = None

    def add(self, message: T, now: float) -> None:
        """Take an acknowledged message; `now` is monotonic time in seconds."""
        self._kept.append((now, message))
        while not self._broken and self._kept and self._kept[0][0] < now - BEFORE_S:
            self._kept.popleft()

    def lost(self) -> None:
        """Note that the connection is gone."""
        self._broken, self._due_s = True, None

    def back(self, now: float) -> None:
        """Note that there is a connection; after the first one of all nothing is said again."""
        if self._broken:
            self._due_s = now + AFTER_S

    def wait_s(self, now: float) -> float | None:
        """Return the seconds until `take` has something; None where nothing is to come."""
        return None if self._due_s is None else max(0.0, self._due_s - now)

    def take(self, now: float) -> list[T]:
        """Return what is to be said again, the oldest first, once it is due."""
        if self._due_s is None or now < self._due_s:
            return []
        again = [message for _, message in self._kept]
        self._kept.clear()
        self._broken, self._due_s = False, None
        return again
