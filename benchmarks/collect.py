"""Simulated kiosks, one broker, two collectors of which one is killed: sent, stored, delay.

::

    python benchmarks/collect.py                       # 500 kiosks, a reading a second, 1 minute
    python benchmarks/collect.py --devices 50 --seconds 10

Readings are published at quality of service 1 over ten connections. A third of the way through
one collector is killed (SIGKILL) and started again ten seconds later. Ends with 1 where a
reading is lost or stored twice. The delay is from the reading's timestamp until its line is on
the collector's disk. At the end the day is compacted, as fer-collect does it when a day is over.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from broker import Broker
from ports import free_port

from fer_archive.compact import compact
from fer_runtime.labels import EMOTIONS
from fer_runtime.out.mqtt.messages import encode
from machine import load

CONNECTIONS = 10
AWAY_S = 10.0


def main() -> int:
    """Run the benchmark and print its table; return the exit code."""
    parser = argparse.ArgumentParser(description="Two collectors, one killed under way.")
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="collect-") as name:
        folder = Path(name)
        broker = Broker(folder, free_port())
        broker.start()
        try:
            return _measure(folder, broker.port, options.devices, options.seconds)
        finally:
            broker.stop()


def _measure(folder: Path, port: int, devices: int, seconds: float) -> int:
    out = folder / "out"
    watcher = Watcher(out)
    collectors = {name: _collector(port, out, name) for name in "ab"}
    publishers = [_publisher(port) for _ in range(CONNECTIONS)]
    started = time.monotonic()
    killed = restarted = False
    sent = 0
    infos = []
    for at, device in _schedule(devices, seconds):
        time.sleep(max(0.0, started + at - time.monotonic()))
        if not killed and at >= seconds / 3:
            killed = True
            collectors["a"].send_signal(signal.SIGKILL)
            collectors["a"].wait()
        if killed and not restarted and at >= seconds / 3 + AWAY_S:
            restarted = True
            collectors["a"] = _collector(port, out, "a")
        sent += 1
        client = publishers[device % CONNECTIONS]
        topic = f"fer/kiosk-{device:04}/reading"
        infos.append(client.publish(topic, _reading(device, sent), 1))
    if not restarted:
        collectors["a"] = _collector(port, out, "a")
    for info in infos:
        info.wait_for_publish(60)
    elapsed = time.monotonic() - started
    deadline = time.monotonic() + 60
    while len(watcher.delays_ms) < sent and time.monotonic() < deadline:
        time.sleep(0.1)
    watcher.stop()
    rolling = time.monotonic()
    for process in collectors.values():
        process.terminate()
    for process in collectors.values():
        process.wait()
    rolling = time.monotonic() - rolling
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)  # the broker is not among them yet
    collecting = usage.ru_utime + usage.ru_stime
    rows, distinct, files, size = _stored(out)
    compacting, used = time.monotonic(), time.process_time()
    compact(out, datetime.now().astimezone() + timedelta(days=3))
    compacting, used = time.monotonic() - compacting, time.process_time() - used
    after = _stored(out)
    delays = np.array(list(watcher.delays_ms.values()))
    p50, p95, p99 = np.percentile(delays, (50, 95, 99))
    before = np.array([d for n, d in watcher.delays_ms.items() if n < sent / 3])
    print(f"kiosks          {devices}, a reading a second each, {elapsed:.0f} s")
    print(f"sent            {sent} ({sent / elapsed:.0f} a second), one collector killed for "
          f"{AWAY_S:g} s")  # fmt: skip
    print(f"stored          {distinct} distinct, {rows - distinct} twice, {sent - distinct} lost")
    print(f"delay           median {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms; p99 before "
          f"the kill {np.percentile(before, 99):.0f} ms")  # fmt: skip
    print(
        f"collectors      {collecting:.1f} s of processor time together, start and Parquet included"
    )
    print(f"Parquet         {files} files, {size / rows:.0f} bytes a reading, written in "
          f"{rolling:.1f} s at the end")  # fmt: skip
    print(f"compacted       {after[2]} files, {after[3] / after[0]:.0f} bytes a reading, in "
          f"{compacting:.1f} s (processor {used:.1f} s), {after[1]} distinct, "
          f"{after[0] - after[1]} twice")  # fmt: skip
    print(f"machine         {os.cpu_count()} cores, load {load()}")
    return int((rows, distinct) != (sent, sent) or after[:2] != (sent, sent))


def _stored(out: Path) -> tuple[int, int, int, int]:
    """Return rows, distinct rows, files and bytes of the readings."""
    query = "SELECT count(*), count(DISTINCT (device, run, number)) FROM read_parquet(?)"
    rows, distinct = duckdb.execute(query, [f"{out}/reading/*/*/*.parquet"]).fetchone() or (0, 0)
    files = [file.stat().st_size for file in out.glob("reading/*/*/*.parquet")]
    return rows, distinct, len(files), sum(files)


class Watcher:
    """Follows the spool files as they grow and notes when each reading is on the disk."""

    def __init__(self, out: Path) -> None:
        self.delays_ms: dict[int, float] = {}
        self._out = out
        self._read: dict[Path, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.01):
            for path in self._out.glob(".spool-*/*.jsonl"):
                self._follow(path)

    def _follow(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                data = file.read()
        except OSError:
            return  # it has become Parquet
        now = time.time()
        whole = data[: data.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        for line in whole.splitlines():
            record = json.loads(line)
            sent_s = datetime.fromisoformat(record["timestamp"]).timestamp()
            self.delays_ms.setdefault(record["number"], (now - sent_s) * 1000.0)


def _schedule(devices: int, seconds: float) -> Iterator[tuple[float, int]]:
    """Yield when which kiosk has a reading, evenly over each second."""
    for second in range(int(seconds)):
        for device in range(devices):
            yield second + device / devices, device


def _reading(device: int, number: int) -> bytes:
    p = dict(zip(EMOTIONS, (0.1, 0.0, 0.05, 0.7, 0.1, 0.03, 0.02), strict=True))
    record = {
        "timestamp": datetime.now().astimezone().isoformat(timespec="milliseconds"),
        "run": "benchmark", "number": number, "frame": number, "face_id": 1, "emotion": "happy",
        "confidence": 0.7, "probabilities": p, "box": [10, 20, 110, 120],
        "detection_score": 0.9, "model": "ferplus", "valence": 0.5,
    }  # fmt: skip
    return encode(f"kiosk-{device:04}", record)


def _publisher(port: int) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _collector(port: int, out: Path, name: str) -> subprocess.Popen[bytes]:
    program = shutil.which("fer-collect") or str(Path(sys.executable).with_name("fer-collect"))
    process = subprocess.Popen(
        [program, "--host", "127.0.0.1", "--port", str(port), "-o", str(out), "--name", name],
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    # From then on the broker keeps what is for it.
    while b"connected" not in process.stderr.readline():
        time.sleep(0.01)
    return process


if __name__ == "__main__":
    sys.exit(main())
