"""A hundred simulated kiosks against one MQTT broker: sent, received, delay.

::

    python benchmarks/fleet.py                       # 100 kiosks, 1 minute, own mosquitto
    python benchmarks/fleet.py --devices 20 --seconds 10 --restart

Each kiosk publishes two faces a second through the real sink (`fer_runtime.out.mqtt.sink`), at
quality of service 1; one reader receives them all. ``--restart`` restarts the broker half-way.
Ends with 1 where a message is lost.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import platform
import sys
import tempfile
import threading
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from broker import MOSQUITTO, Broker
from ports import free_port

from fer_runtime.out.mqtt.sink import MqttSink
from fer_runtime.reading import FaceReading, FrameReadings
from fer_runtime.settings.out import MqttSettings

FACES = 2


def main() -> int:
    """Run the benchmark and print its table; return the exit code."""
    parser = argparse.ArgumentParser(description="Simulated kiosks against one MQTT broker.")
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between messages")
    parser.add_argument("--restart", action="store_true", help="restart the broker half-way")
    options = parser.parse_args()
    if MOSQUITTO is None:
        print("fleet.py: mosquitto is missing; sudo apt-get install mosquitto", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        broker = Broker(Path(folder), free_port())
        broker.start()
        try:
            reader = Reader(broker.port)
            sinks = [_sink(broker.port, n) for n in range(options.devices)]
            _wait(lambda: all(sink.connected for sink in sinks), 30)
            restart = options.restart
            started = time.monotonic()
            published = 0
            due = [(n * options.interval / len(sinks), n) for n in range(len(sinks))]
            heapq.heapify(due)
            frames = 0
            while due[0][0] < options.seconds:
                at, n = heapq.heappop(due)
                if restart and at >= options.seconds / 2:
                    restart = False
                    broker.stop()
                    broker.start()
                time.sleep(max(0.0, started + at - time.monotonic()))
                frames += 1
                published += sinks[n].write(_faces(frames))
                heapq.heappush(due, (at + options.interval, n))
            _wait(lambda: all(sink.waiting == 0 for sink in sinks), 60)
            _wait(lambda: len(reader.numbers) >= published, 60)
            elapsed = time.monotonic() - started
            sent, dropped = sum(s.sent for s in sinks), sum(s.dropped for s in sinks)
            for sink in sinks:
                sink.close(5.0)
            reader.close()
        finally:
            broker.stop()
    delays = np.array(reader.delays_ms)
    lost = published - len(reader.numbers)
    print(f"machine             {platform.machine()}, {os.cpu_count()} cores")
    print(f"kiosks              {options.devices}, {FACES} faces each {options.interval:g} s")
    print(f"broker restarted    {'once' if options.restart else 'no'}")
    print(f"duration            {elapsed:.1f} s")
    print(f"published           {published} ({published / elapsed:.0f} a second)")
    print(f"acknowledged        {sent}, dropped {dropped}")
    print(f"received            {len(reader.numbers)} distinct, {reader.twice} twice, lost {lost}")
    p50, p95, p99 = np.percentile(delays, (50, 95, 99))
    print(f"delay               median {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, "
          f"longest {delays.max():.1f} ms")  # fmt: skip
    return 1 if lost or dropped else 0


class Reader:
    """Receives all readings in a thread of its own and notes their delay."""

    def __init__(self, port: int) -> None:
        self.numbers: set[tuple[str, int]] = set()
        self.delays_ms: list[float] = []
        self.twice = 0
        ready = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="reader", clean_session=False
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda *_: self._client.subscribe("fer/+/reading", qos=1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not ready.wait(20):
            raise SystemExit("fleet.py: the broker does not answer")

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        now = time.time()
        body = json.loads(message.payload)
        key = (body["run"], body["number"])
        if key in self.numbers:
            self.twice += 1
            return
        self.numbers.add(key)
        # The time stamp is cut to milliseconds, so a delay reads half of one too long.
        sent = datetime.fromisoformat(body["timestamp"]).timestamp()
        self.delays_ms.append((now - sent) * 1000.0)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


def _sink(port: int, number: int) -> MqttSink:
    sink = MqttSink(
        MqttSettings(host="127.0.0.1", port=port, device=f"kiosk-{number:03}", interval_s=0.0),
        uuid.uuid4().hex[:12],
    )
    sink.open()
    return sink


def _faces(frame: int) -> FrameReadings:
    p = (0.1, 0.0, 0.05, 0.7, 0.1, 0.03, 0.02)
    faces = tuple(
        FaceReading(frame, 0.0, n, (10, 20, 110, 120), 0.9, "happy", 0.7, p, p, "ferplus")
        for n in range(1, FACES + 1)
    )
    wall, now = datetime.now().astimezone(), time.monotonic()
    return FrameReadings(frame, now, now, wall, (640, 480), faces)


def _wait(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
