"""The MQTT sink (extra ``mqtt``): readings and a retained status to a broker.

Topics, under ``<prefix>/<device>/``: ``reading`` (one message per face and tick), ``visit``,
``minute``, and retained ``room`` and ``status`` (the broker itself publishes the last will
``offline`` there). Their JSON is described in docs/mqtt.md and docs/schema.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from ... import __version__
from ...reading import FrameReadings, Minute, Moment, Record, Visit
from ...settings.out import MqttSettings
from ..sink import Sink
from ..ticks import Due, NewestPerFace
from .client import check_device, check_level, make_client, start
from .connection import RETRY_HIGH_S, Connection
from .discovery import discovery_message, discovery_topic
from .messages import encode, reading_record, to_json
from .outbox import Message, Outbox
from .room import Room

_LOGGER = logging.getLogger(__name__)

_CLOSE_S: Final = 0.3
"""Longest wait for a broker at the end."""


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
        check_device(self.device)
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
        self._outbox = Outbox(settings.buffer)
        self._room = Room()
        self._farewell_due = False
        self._number = 0
        self._connections = 0
        self._connected = self._ending = self._given_up = False

    @property
    def sent(self) -> int:
        """Readings that the broker has acknowledged (QoS 0: that have left)."""
        return self._outbox.sent

    @property
    def dropped(self) -> int:
        """Readings given up: the oldest, where the buffer was full."""
        return self._outbox.dropped

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._connected

    @property
    def waiting(self) -> int:
        """Readings in the buffer or not yet acknowledged."""
        with self._wake:
            return self._outbox.waiting

    def open(self) -> None:
        """Begin to connect, in the background; a broker that is away is tried for ever.

        Raises
        ------
        ConfigError
            If the extra is not installed, the password or certificate file cannot be used, or
            the service has no network.
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
        # An empty message takes a retained one away, and the device out of Home Assistant.
        told = discovery_message(self.device, self.topic, __version__)
        with self._wake:
            self._retain("status", encode(self.device, {"state": "starting"}))
            topic = discovery_topic(self.device)
            self._outbox.retain(Message(topic, told if settings.discovery else b"", 1, True))
        client.connect_async(settings.host, settings.port, keepalive=30)
        start(client, settings)
        self._thread = threading.Thread(target=self._send_all, name="mqtt", daemon=True)
        self._thread.start()

    def write(self, readings: FrameReadings) -> int:
        """Take the readings of one frame; return how many messages became due."""
        due = self._newest.take(readings, self._settings.interval_s)
        self._enqueue(due)
        return len(due)

    def record(self, record: Record) -> None:
        """Take a moment, an event of a visit, or a minute."""
        if isinstance(record, Moment):
            if self._room.due(record, self._clock()):
                with self._wake:
                    self._retain("room", to_json(record.to_dict(faces=False)))
        else:
            with self._wake:
                if isinstance(record, Visit):
                    self._room.visit(record)
                leaf = "minute" if isinstance(record, Minute) else "visit"
                self._put(leaf, to_json(record.to_dict()))

    def flush(self) -> None:
        """Make the readings of the open tick due."""
        self._enqueue(self._newest.flush())

    def announce(self, status: Mapping[str, Any]) -> None:
        """Publish the state of this kiosk, retained; only the newest waits for a broker."""
        self._connection.lasts(self._clock())
        with self._wake:
            if "written_at" in status:  # a day without a visitor has begun all the same
                self._room.reached(datetime.fromisoformat(status["written_at"]).date())
            own = {
                "mqtt_sent": self.sent,
                "mqtt_waiting": self._outbox.waiting,
                "mqtt_dropped": self.dropped,
                "visits_today": self._room.visits_today,
            }
            self._retain("status", encode(self.device, {**status, **own}))

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
                record = reading_record(item, self._run, self._number)
                self._put("reading", encode(self.device, record))

    def _put(self, leaf: str, payload: bytes) -> None:
        """Append a message; the oldest goes where the buffer is full. The lock is held."""
        message = Message(f"{self.topic}/{leaf}", payload, self._settings.qos)
        if self._outbox.put(message, self._connected):
            _LOGGER.warning("mqtt: the buffer is full; the oldest messages are dropped")
        self._wake.notify()

    def _retain(self, leaf: str, payload: bytes) -> None:
        """Put a retained message in the place of the one before. The lock is held."""
        self._outbox.retain(Message(f"{self.topic}/{leaf}", payload, 1, retain=True))
        self._wake.notify()

    # -- the sending thread -----------------------------------------------------------------

    def _send_all(self) -> None:
        """Hand messages to the client as fast as it gets rid of them."""
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work, self._outbox.say_again_in(self._clock()))
                now = self._clock()
                self._outbox.settle(now)
                if self._connected:
                    self._outbox.say_again(now)
                if self._given_up or self._is_drained():
                    return
                connection = self._connections
                batch = self._outbox.take() if self._connected else []
                if not batch and self._farewell_may_go():
                    self._farewell_due = False
                    payload = encode(self.device, {"state": "offline"})
                    batch = [Message(f"{self.topic}/status", payload, 1, retain=True)]
            for message in batch:
                self._hand_over(message, connection)

    def _has_work(self) -> bool:
        if self._outbox.acknowledged or self._given_up or self._is_drained():
            return True
        may_go = self._outbox.room() > 0 or self._outbox.retained_may_go()
        return self._connected and (may_go or self._farewell_may_go())

    def _is_drained(self) -> bool:
        """Return whether the end has begun and all has been acknowledged."""
        return self._ending and self._outbox.empty and not self._farewell_due

    def _farewell_may_go(self) -> bool:
        """Return whether the last message of all is due."""
        outbox = self._outbox
        free = not (outbox.queued or outbox.retained_may_go()) and outbox.no_retained_flies()
        return self._connected and self._farewell_due and free

    def _hand_over(self, message: Message, connection: int) -> None:
        topic, payload, qos = message.topic, message.payload, message.qos
        info = self._client.publish(topic, payload, qos, retain=message.retain)
        with self._wake:
            # At QoS 1 and 2 the client sends a message again after a lost connection, whatever
            # it says now; at QoS 0 the message is gone with the connection.
            if qos == 0 and (info.rc or connection != self._connections):
                self._outbox.dropped += message.is_reading
            else:
                self._outbox.flies(info.mid, message)

    # -- the client's callbacks ---------------------------------------------------------------

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, more: Any) -> None:
        if reason.is_failure:
            self._connection.refused(reason)
            return
        with self._wake:
            self._connected = True
            self._connections += 1
            dropped = self._outbox.reconnected(self._settings.qos, self._clock())
            self._wake.notify()
        self._connection.began(self._clock(), dropped)

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, more: Any) -> None:
        with self._wake:
            self._connected = False
            self._outbox.disconnected()
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
            self._outbox.arrived(mid)
            self._wake.notify()
