"""A real MQTT broker on loopback, and a client that listens to it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from waiting import PATIENCE_S, wait_until

# Debian puts it where the path of a normal user does not lead.
MOSQUITTO = shutil.which(
    "mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
)


class Broker:
    """A mosquitto that keeps its messages over a restart."""

    def __init__(self, folder: Path, port: int, *extra: str) -> None:
        assert MOSQUITTO is not None
        self.port = port
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {port} 127.0.0.1",
            "persistence true",
            f"persistence_location {folder}/",
            "max_queued_messages 0",
            "log_dest none",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # else it gives up the right to its own folder
        if not any(line.startswith("password_file") for line in extra):
            lines.append("allow_anonymous true")
        self._config.write_text("\n".join([*lines, *extra]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)])
        wait_until(self._listens, "the broker to listen")

    def stop(self) -> None:
        """End it as its service does, so that it stores what it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def kill(self) -> None:
        """End it without a farewell: what it has not stored is forgotten."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)
        self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Listener:
    """Collects all messages below a topic; the broker keeps them while it is away."""

    def __init__(self, port: int, topic: str = "#", name: str = "listener", **login: str) -> None:
        self.messages: list[tuple[str, dict[str, Any], bool]] = []
        self._ready = threading.Event()
        self._topic = topic
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        if login:
            self._client.username_pw_set(login["user"], login["password"])
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda *_: self._client.subscribe(self._topic, qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_S)

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        self.messages.append((message.topic, json.loads(message.payload), message.retain))

    def of(self, leaf: str) -> list[dict[str, Any]]:
        """Return the messages whose topic ends with `leaf`."""
        return [body for topic, body, _ in list(self.messages) if topic.endswith(f"/{leaf}")]

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


class MuteBroker:
    """Takes connections and whatever is sent, acknowledges nothing but the connection."""

    def __init__(self) -> None:
        self.published: list[str] = []
        """Topics of all that arrived, in order."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self._open: list[socket.socket] = []

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._threads.append(
                threading.Thread(target=self._serve, args=(connection,), daemon=True)
            )
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        # A client that closes with something unread resets the connection; to a broker it is gone.
        with (
            contextlib.suppress(ConnectionResetError),
            connection,
            connection.makefile("rb") as stream,
        ):
            while first := stream.read(1):
                length = shift = 0
                while True:  # MQTT 3.1.1, 2.2.3: seven bits a byte, the lowest first
                    (byte,) = stream.read(1)
                    length |= (byte & 0x7F) << shift
                    shift += 7
                    if not byte & 0x80:
                        break
                body = stream.read(length)
                kind = first[0] >> 4
                if kind == 1:
                    connection.sendall(b"\x20\x02\x00\x00")  # CONNACK: accepted
                elif kind == 12:
                    connection.sendall(b"\xd0\x00")  # PINGRESP
                elif kind == 3:
                    size = int.from_bytes(body[:2], "big")
                    self.published.append(body[2 : 2 + size].decode())

    def stop(self) -> None:
        """End all connections."""
        # Closing alone does not wake a thread that waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
