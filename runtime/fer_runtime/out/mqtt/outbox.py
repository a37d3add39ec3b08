"""Messages on their way to the broker: those that wait, those in flight, those retained."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from .recent import Recent

IN_FLIGHT: Final = 16
"""Messages handed to the client and not yet acknowledged; the rest waits here, and the oldest
goes first where there are too many. After a lost connection paho-mqtt 2.x sends all of them
again at once, and a broker that has more than it wants at QoS 2 (mosquitto's
``max_inflight_messages``: 20) ends the connection, each time."""


class Message(NamedTuple):
    """One message."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    again: bool = False
    """Whether the broker has acknowledged it once before."""

    @property
    def is_reading(self) -> bool:
        """Whether it is one of those that are counted."""
        return self.topic.endswith("/reading") and not self.again


class Outbox:
    """What is to be sent, in order; whoever uses it from several threads holds a lock.

    Parameters
    ----------
    limit
        Messages that may wait while the broker is away. Of a retained topic only the newest
        waits, and does not count.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[Message] = deque()
        self._retained: dict[str, Message] = {}
        self._due: list[str] = []
        self._flying: dict[int, Message] = {}
        self._acknowledged: set[int] = set()
        self._recent: Recent[Message] = Recent(limit)
        self.sent = 0
        """Readings that the broker has acknowledged (QoS 0: that have left)."""
        self.dropped = 0
        """Readings given up."""
        self.overflow = 0
        """Messages of any kind that were given up since the last connection."""

    @property
    def waiting(self) -> int:
        """Readings that wait or are not yet acknowledged."""
        return sum(m.is_reading for m in (*self._waiting, *self._flying.values()))

    @property
    def empty(self) -> bool:
        """Whether everything has been acknowledged."""
        return not (self._waiting or self._due or self._flying)

    @property
    def queued(self) -> bool:
        """Whether messages wait that are not retained."""
        return bool(self._waiting)

    @property
    def acknowledged(self) -> bool:
        """Whether acknowledgements have come that `settle` has not seen."""
        return bool(self._acknowledged & self._flying.keys())

    def put(self, message: Message, connected: bool) -> bool:
        """Append a message; return whether that was the first one too many."""
        self._waiting.append(message)
        # What the client will take at once is no surplus.
        limit = self._limit + (IN_FLIGHT if connected else 0)
        before = self.overflow
        while len(self._waiting) > limit:
            self.dropped += self._waiting.popleft().is_reading
            self.overflow += 1
        return before == 0 and self.overflow > 0

    def retain(self, message: Message) -> None:
        """Put a retained message in the place of the one before."""
        self._retained[message.topic] = message
        if message.topic not in self._due:
            self._due.append(message.topic)

    def retained_may_go(self) -> bool:
        """Return whether a retained message is due, and none is in flight."""
        return bool(self._due) and self.no_retained_flies()

    def no_retained_flies(self) -> bool:
        """Return whether the last retained message has been acknowledged."""
        return not any(m.retain for m in self._flying.values())

    def room(self) -> int:
        """Return how many of those that wait the client may be given now."""
        return max(0, min(len(self._waiting), IN_FLIGHT - len(self._flying)))

    def take(self) -> list[Message]:
        """Return what the client may be given now; it is in flight from `flies` on."""
        batch = [self._waiting.popleft() for _ in range(self.room())]
        if self.retained_may_go():
            batch.append(self._retained[self._due.pop(0)])
        return batch

    def flies(self, number: int, message: Message) -> None:
        """Note that the client has a message, under its number."""
        self._flying[number] = message

    def arrived(self, number: int) -> None:
        """Note an acknowledgement; it may come before `flies`."""
        self._acknowledged.add(number)

    def settle(self, now: float) -> None:
        """Count what has been acknowledged; `now` is monotonic time in seconds."""
        for number in sorted(self._acknowledged & self._flying.keys()):
            self._acknowledged.discard(number)
            message = self._flying.pop(number)
            self.sent += message.is_reading
            if message.qos and not message.retain:
                self._recent.add(message, now)

    def say_again(self, now: float) -> None:
        """Have what was sent around the last loss of the connection go again, once that is due.

        It goes first: where there are too many, it is dropped before what was never sent.
        """
        for message in reversed(self._recent.take(now)):
            self._waiting.appendleft(message._replace(again=True))

    def say_again_in(self, now: float) -> float | None:
        """Return the seconds until that is due, None where it is not to come."""
        return self._recent.wait_s(now)

    def disconnected(self) -> None:
        """Note that the connection is gone."""
        self._recent.lost()

    def reconnected(self, qos: int, now: float) -> int:
        """Begin a new connection: retained topics are due again; return the overflow so far.

        At QoS 0 what was in flight is gone.
        """
        self._recent.back(now)
        self._due = list(self._retained)
        if qos == 0:
            lost = [number for number, m in self._flying.items() if not m.retain]
            self.dropped += sum(self._flying.pop(number).is_reading for number in lost)
            self._acknowledged -= set(lost)
        overflow, self.overflow = self.overflow, 0
        return overflow
