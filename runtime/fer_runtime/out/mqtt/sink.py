"""The MQTT sink (extra ``mqtt``): readings and a retained status to a broker.

Topics, under ``<prefix>/<device>/``: ``reading`` (one message per face and tick) and ``status``
(retained; the broker itself publishes the last will ``offline`` there). The JSON of both is
described in docs/mqtt.md.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...reading import FrameReadings
from ...settings.out import MqttSettings
from ..sink import Sink
from ..ticks import Due, NewestPerFace
from .client import check_level, make_client
from .connection import RETRY_HIGH_S, Connection
from .messages import encode, reading_record

_LOGGER = logging.getLogger(__name__)

_CLOSE_S: Final = 0.3
"""Longest wait for a broker at the end."""
_IN_FLIGHT: Final = 16
"""Messages handed to the client and not yet acknowledged; the rest waits in our buffer, whose
oldest goes first where it is full. After a lost connection paho-mqtt 2.x sends all of them again
at once, and a broker that has more than it wants at QoS 2 (mosquitto's
``max_inflight_messages``: 20) ends the connection, each time."""


class MqttSink(Sink):
    """Publishes readings from a buffer, in a thread of its own.

    Nobody else here waits for the network: a broker that is away or slow does not hold up a
    frame. At QoS 1 and 2 a message leaves the buffer for good only when the broker has
    acknowledged it.

    Parameters
    ----------
    settings
        ``settings.host`` must not be empty.
    run
        Name of this run of the program.
    clock
        Monotonic seconds.

    Raises
    ------
    ConfigError
        If device or prefix cannot be part of a topic.
    """

    def __init__(
        self, settings: MqttSettings, run: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._clock = settings, clock
        self.device = settings.device or socket.gethostname()
        check_level("mqtt.device", self.device, "+#/")
        check_level("mqtt.prefix", settings.prefix, "+#")
        self.topic = f"{settings.prefix}/{self.device}"
        self._run = run
        self._newest = NewestPerFace()
        self._client: Any = None
        self._connection = Connection(f"{settings.host}:{settings.port}", self.device)
        self._thread: threading.Thread | None = None
        # Guards everything below. Whoever holds it never calls the client, whose callbacks
        # take it while they hold the client's own locks.
        self._wake = threading.Condition()
        self._buffer: deque[bytes] = deque()
        self._status = b""
        self._status_due = self._farewell_due = False
        self._number = 0
        self._flying: dict[int, bool] = {}  # message id: whether it is a reading
        self._acknowledged: set[int] = set()
        self._connections = 0
        self._connected = self._ending = self._given_up = False
        self._overflow = 0
        self.sent = 0
        """Readings that the broker has acknowledged (QoS 0: that have left)."""
        self.dropped = 0
        """Readings given up: the oldest, where the buffer was full."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._connected

    @property
    def waiting(self) -> int:
        """Readings in the buffer or not yet acknowledged."""
        with self._wake:
            return len(self._buffer) + sum(self._flying.values())

    def open(self) -> None:
        """Begin to connect, in the background; a broker that is away is tried for ever.

        Raises
        ------
        ConfigError
            If the extra is not installed, or the password or certificate file cannot be used.
        """
        settings = self._settings
        client = make_client(
            settings,
            f"{settings.prefix}-{self.device}",
            f"{self.topic}/status",
            encode(self.device, {"state": "offline"}),
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_publish = self._on_publish
        self._client = client
        self._status = encode(self.device, {"state": "starting"})
        client.connect_async(settings.host, settings.port, keepalive=30)
        client.loop_start()
        self._thread = threading.Thread(target=self._send_all, name="mqtt", daemon=True)
        self._thread.start()

    def write(self, readings: FrameReadings) -> int:
        """Take the readings of one frame; return how many messages became due."""
        due = self._newest.take(readings, self._settings.interval_s)
        self._enqueue(due)
        return len(due)

    def flush(self) -> None:
        """Make the readings of the open tick due."""
        self._enqueue(self._newest.flush())

    def announce(self, status: Mapping[str, Any]) -> None:
        """Publish the state of this kiosk, retained; only the newest waits for a broker."""
        self._connection.lasts(self._clock())
        with self._wake:
            own = {
                "mqtt_sent": self.sent,
                "mqtt_waiting": len(self._buffer) + sum(self._flying.values()),
                "mqtt_dropped": self.dropped,
            }
            self._status = encode(self.device, {**status, **own})
            self._status_due = True
            self._wake.notify()

    def close(self, timeout_s: float = _CLOSE_S) -> None:
        """Send what waits, say that this kiosk is offline, and let go within `timeout_s`."""
        if self._client is None:
            return
        self._enqueue(self._newest.flush())
        with self._wake:
            # After the newest status, which says that this kiosk is stopping.
            self._farewell_due = self._ending = True
            self._wake.notify()
        # An attempt to connect can be stuck for seconds: it is left behind.
        ender = threading.Thread(target=self._end, name="mqtt-end", daemon=True)
        ender.start()
        ender.join(timeout_s)
        with self._wake:
            self._given_up = True
            self._wake.notify()
        if left := self.waiting:
            _LOGGER.warning("mqtt: %d messages did not reach the broker", left)

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    # -- messages -------------------------------------------------------------------------

    def _enqueue(self, due: list[Due]) -> None:
        if not due:
            return
        with self._wake:
            for item in due:
                self._number += 1
                self._buffer.append(
                    encode(self.device, reading_record(item, self._run, self._number))
                )
            # What the client will take at once is no surplus.
            limit = self._settings.buffer + (_IN_FLIGHT if self._connected else 0)
            while len(self._buffer) > limit:
                self._buffer.popleft()
                self.dropped += 1
                self._overflow += 1
                if self._overflow == 1:
                    _LOGGER.warning("mqtt: the buffer is full; the oldest messages are dropped")
            self._wake.notify()

    # -- the sending thread -----------------------------------------------------------------

    def _send_all(self) -> None:
        """Hand messages to the client as fast as it gets rid of them."""
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work)
                for mid in self._acknowledged & self._flying.keys():
                    self._acknowledged.discard(mid)
                    self.sent += self._flying.pop(mid)
                if self._given_up or self._is_drained():
                    return
                connection = self._connections
                batch = [self._buffer.popleft() for _ in range(self._room())]
                status = self._next_status()
            for payload in batch:
                self._hand_over("reading", payload, self._settings.qos, connection)
            if status:
                self._hand_over("status", status, 1, connection)

    def _has_work(self) -> bool:
        if self._acknowledged & self._flying.keys():
            return True
        if self._given_up or self._is_drained():
            return True
        return self._room() > 0 or self._status_may_go()

    def _is_drained(self) -> bool:
        """Return whether the end has begun and all has been acknowledged."""
        due = self._status_due or self._farewell_due
        return self._ending and not (self._buffer or self._flying or due)

    def _status_may_go(self) -> bool:
        """Return whether a status is due and the one before has been acknowledged."""
        if not self._connected or not all(self._flying.values()):
            return False
        # The farewell is the last message of all.
        return self._status_due or (self._farewell_due and not self._buffer)

    def _next_status(self) -> bytes:
        """Return the status that is to be sent now; empty for none."""
        if not self._status_may_go():
            return b""
        if self._status_due:
            self._status_due = False
            return self._status
        self._farewell_due = False
        return encode(self.device, {"state": "offline"})

    def _room(self) -> int:
        """Return how many readings the client may be given now."""
        return min(len(self._buffer), _IN_FLIGHT - len(self._flying)) if self._connected else 0

    def _hand_over(self, leaf: str, payload: bytes, qos: int, connection: int) -> None:
        reading = leaf == "reading"
        info = self._client.publish(f"{self.topic}/{leaf}", payload, qos, retain=not reading)
        with self._wake:
            # At QoS 1 and 2 the client sends a message again after a lost connection, whatever
            # it says now; at QoS 0 the message is gone with the connection.
            if qos == 0 and (info.rc or connection != self._connections):
                self.dropped += reading
            else:
                self._flying[info.mid] = reading

    # -- the client's callbacks ---------------------------------------------------------------

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, more: Any) -> None:
        if reason.is_failure:
            self._connection.refused(reason)
            return
        with self._wake:
            self._connected = self._status_due = True
            self._connections += 1
            if self._settings.qos == 0:
                lost = [mid for mid, reading in self._flying.items() if reading]
                self.dropped += len(lost)
                for mid in lost:
                    del self._flying[mid]
                self._acknowledged -= set(lost)
            dropped, self._overflow = self._overflow, 0
            self._wake.notify()
        self._connection.began(self._clock(), dropped)

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, more: Any) -> None:
        with self._wake:
            self._connected = False
            self._wake.notify()
        if not self._ending:
            pause_s = self._connection.ended(self._clock())
            client.reconnect_delay_set(pause_s, RETRY_HIGH_S)

    def _on_connect_fail(self, client: Any, data: Any) -> None:
        if not self._ending:
            # It is called while the client handles the reason, which it does not hand over.
            self._connection.failed(sys.exc_info()[1])

    def _on_publish(self, client: Any, data: Any, mid: int, reason: Any, more: Any) -> None:
        with self._wake:
            self._acknowledged.add(mid)
            self._wake.notify()
