"""What clients of the web interface cost the daemon that serves them.

    python benchmarks/web_clients.py [--clients 20] [--seconds 30] [--rounds 3]

Two daemons run the demo scene side by side, one with clients at ``/events`` that never read
(those that are dropped come again at once), one without; rounds are repeated and the median is
told. CPU time per processed frame does not depend on what else the machine does, wall time does.
Exit status 1 where clients cost 5 % of the time of a frame or more.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from ports import free_port

MOST = 0.05
WARM_UP_S = 8.0


class Daemon:
    """A daemon on the demo scene, and what it has used."""

    def __init__(self, folder: Path, name: str) -> None:
        self.port = free_port()
        self._status = folder / f"{name}.json"
        config = folder / f"{name}.yaml"
        config.write_text("status:\n  interval_s: 0.5\n", "utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fer_runtime.command.cli", "--source", "demo",
             "--config", config, "--web", f"127.0.0.1:{self.port}",
             "--status-file", self._status, "--log-level", "error"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def sample(self) -> tuple[int, float, float]:
        """Return frames, CPU seconds and resident MB."""
        status: dict[str, Any] = json.loads(self._status.read_text("utf-8"))
        process = psutil.Process(self.process.pid)
        times = process.cpu_times()
        return status["processed"], times.user + times.system, process.memory_info().rss / 1e6


class Crowd:
    """Clients that ask for events and take none."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self.dropped = 0
        self._clients = [self._come() for _ in range(count)]

    def _come(self) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self._port))
        client.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode())
        return client

    def attend(self) -> None:
        """Let those who have been thrown out come again."""
        for i, client in enumerate(self._clients):
            poll = select.poll()
            poll.register(client, 0)  # errors only, so that nothing is read
            if poll.poll(0):
                client.close()
                self.dropped += 1
                self._clients[i] = self._come()

    def go(self) -> None:
        """Leave."""
        for client in self._clients:
            client.close()


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rounds = []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            daemons = {name: Daemon(Path(folder), name) for name in ("alone", "crowd")}
            try:
                time.sleep(WARM_UP_S)
                crowd = Crowd(daemons["crowd"].port, args.clients)
                before = {name: daemon.sample() for name, daemon in daemons.items()}
                end = time.monotonic() + args.seconds
                while time.monotonic() < end:
                    time.sleep(0.5)
                    crowd.attend()
                after = {name: daemon.sample() for name, daemon in daemons.items()}
                crowd.go()
            finally:
                for daemon in daemons.values():
                    daemon.process.terminate()
                for daemon in daemons.values():
                    daemon.process.wait()
        one: dict[str, float] = {"dropped": crowd.dropped}
        for name in daemons:
            frames = after[name][0] - before[name][0]
            one[f"{name}_ms"] = 1000 * (after[name][1] - before[name][1]) / frames
            one[f"{name}_mb"] = after[name][2] - before[name][2]
        rounds.append(one)
        print(json.dumps({k: round(v, 3) for k, v in one.items()}), flush=True)
    middle = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    more = middle["crowd_ms"] / middle["alone_ms"] - 1
    print(
        f"{args.clients} clients that do not read: {middle['crowd_ms']:.2f} ms of CPU a frame, "
        f"{middle['alone_ms']:.2f} without ({more:+.1%}); memory {middle['crowd_mb']:+.1f} MB, "
        f"{middle['alone_mb']:+.1f} without; {middle['dropped']:.0f} dropped"
    )
    return int(more >= MOST)


if __name__ == "__main__":
    sys.exit(main())
