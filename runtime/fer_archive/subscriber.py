"""A share of the kiosks' messages from the broker, acknowledged by hand."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any, Final, NamedTuple

from fer_runtime.errors import ConfigError
from fer_runtime.out.mqtt.client import authenticate, start
from fer_runtime.settings.out import MqttSettings

from .record import record_of
from .spool import KINDS

_LOGGER = logging.getLogger(__name__)

_SESSION_S: Final = 7 * 24 * 3600
"""How long the broker keeps messages for a collector that is away."""
_BATCH: Final = 5000
MOST_WAITING: Final = 200_000
"""Messages that wait to be stored, beyond which those at QoS 0 are dropped."""
_RETRY_S: Final = 2
"""Longest pause before the broker is tried again. Kiosks say again what they sent in the first ten
seconds of a broker that began anew: until then this must be back."""


class Message(NamedTuple):
    """A message that is not acknowledged yet."""

    kind: str
    record: dict[str, Any] | None
    """None where it is none of ours: acknowledged and dropped."""
    number: int
    qos: int
    connection: int
    """Message numbers mean nothing beyond a connection."""


class Subscriber:
    """Receives messages into a queue.

    Parameters
    ----------
    settings
        Broker, credentials, encryption, prefix of the topics.
    name
        Name of this collector at the broker, the same after a restart: the broker keeps what is
        for it.
    group
        Collectors of one group share the messages; empty for one that has them all.
    """

    def __init__(self, settings: MqttSettings, name: str, group: str) -> None:
        share = f"$share/{group}/" if group else ""
        self._topics = [(f"{share}{settings.prefix}/+/{kind}", 1) for kind in KINDS]
        self._where = f"{settings.host}:{settings.port}"
        self._settings, self._name = settings, name
        self._client: Any = None
        self._queue: deque[Message] = deque()
        self._arrived = threading.Condition()
        self._connection = 0
        self._said = ""
        self.rejected = 0
        """Messages that were none of ours."""
        self.dropped = 0
        """Messages at QoS 0 for which there was no room."""

    def start(self) -> None:
        """Begin to connect, in the background; a broker that is away is tried for ever.

        Raises
        ------
        ConfigError
            If the extra is not installed, or credentials cannot be used.
        """
        try:
            import paho.mqtt.client as paho
            from paho.mqtt.enums import CallbackAPIVersion
            from paho.mqtt.packettypes import PacketTypes
            from paho.mqtt.properties import Properties
        except ImportError:
            raise ConfigError(
                "fer-collect needs paho-mqtt 2", "run: pip install 'fer-edge[collect]'"
            ) from None
        client = self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._name, protocol=paho.MQTTv5,
            manual_ack=True,
        )  # fmt: skip
        authenticate(client, self._settings)
        client.reconnect_delay_set(1, _RETRY_S)
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = _SESSION_S
        session.ReceiveMaximum = 65_535
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = lambda client, data: self._say("cannot be reached; retrying")
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect_async(
            self._settings.host, self._settings.port, keepalive=30,
            clean_start=False, properties=session,
        )  # fmt: skip
        start(client, self._settings)

    def take(self, timeout_s: float) -> list[Message]:
        """Return what has come, waiting for the first; at most a few thousand."""
        with self._arrived:
            if not self._queue:
                self._arrived.wait(timeout_s)
            return [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH))]

    def acknowledge(self, messages: list[Message]) -> None:
        """Tell the broker that messages are safe."""
        for message in messages:
            if message.connection == self._connection:
                self._client.ack(message.number, message.qos)

    def stop(self) -> None:
        """Leave; the broker keeps what comes until this collector is back."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, more: Any) -> None:
        if reason.is_failure:
            self._say(f"refuses this client: {reason}; retrying")
            return
        # What was not acknowledged on the old connection is kept: a broker that was killed does
        # not send it again, and of one that does the spool knows the repeated keys.
        self._connection += 1
        # Each time: mosquitto keeps sessions over a restart, but not their shared subscriptions.
        client.subscribe(self._topics)

    def _on_subscribe(self, client: Any, data: Any, mid: int, reasons: Any, more: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._say(f"refuses the subscription: {refused[0]}; see its access rules")
        else:
            self._say("connected", logging.INFO)

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, more: Any) -> None:
        if reason.is_failure:
            self._say("the connection is lost; retrying")

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # some brokers pass it on; raised here it ends the thread
            topic = "a topic that is no UTF-8"
        kind = topic.rpartition("/")[2]
        record = record_of(kind, message.payload)
        if record is None:
            self.rejected += 1
            if self.rejected == 1:
                _LOGGER.warning("%s: not a record of fer-edge; dropped and counted", topic)
        with self._arrived:
            if not message.qos and len(self._queue) >= MOST_WAITING:
                # The broker holds back what is to be acknowledged, and nothing holds back these.
                self.dropped += 1
                if self.dropped == 1:
                    _LOGGER.warning("more messages at QoS 0 than can be stored; some are dropped")
                return
            self._queue.append(Message(kind, record, message.mid, message.qos, self._connection))
            self._arrived.notify()

    def _say(self, text: str, level: int = logging.WARNING) -> None:
        """Log a change of state, once."""
        if text != self._said:
            self._said = text
            _LOGGER.log(level, "broker %s: %s", self._where, text)


def check_share(name: str, what: str) -> None:
    """Refuse a name that cannot be part of a topic filter."""
    if not name or any(c in "+#/\0" for c in name):
        raise ConfigError(f"{what}: expected a name without + # /, received {name!r}")
