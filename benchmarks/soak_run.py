"""One daemon on a failing camera, as the soak sees it from outside."""

from __future__ import annotations

import contextlib
import gzip
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from broker import Listener
from mjpeg_server import FaultyCamera

from fer_runtime.out.csv.files import rotated_files

TIMEOUT_S = 60.0


class Run:
    """One daemon on one failing camera."""

    def __init__(
        self, folder: Path, camera: FaultyCamera, more: dict[str, dict[str, Any]] | None = None
    ) -> None:
        self.camera = camera
        self.log, self.status_file = folder / "soak.csv", folder / "status.json"
        config = folder / "kiosk.yaml"
        settings = {
            "source": {"source": camera.url},
            "csv": {"path": str(self.log), "interval_s": 0, "rotate_daily": False},
            "status": {"path": str(self.status_file), "interval_s": 0.5},
        }
        for section, values in (more or {}).items():
            settings.setdefault(section, {}).update(values)
        config.write_text(yaml.safe_dump(settings), "utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fer_runtime.command.cli", "--config", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.seen = psutil.Process(self.process.pid)

    def status(self) -> dict[str, Any]:
        """Return the status file's content; nothing before the first one."""
        try:
            return dict(json.loads(self.status_file.read_text("utf-8")))
        except (OSError, ValueError):
            return {}

    def log_bytes(self) -> int:
        """Return the size of the CSV."""
        try:
            return self.log.stat().st_size
        except OSError:
            return 0

    def wait(self, condition: Callable[[], object], what: str) -> float:
        """Wait for a condition; return the seconds it took."""
        start = time.monotonic()
        while not condition():
            if self.process.poll() is not None:
                raise SystemExit(f"soak: the daemon ended with {self.process.returncode}")
            if time.monotonic() - start > TIMEOUT_S:
                raise SystemExit(f"soak: {what}: not within {TIMEOUT_S:g} s")
            time.sleep(0.01)
        return time.monotonic() - start

    def rows(self) -> int:
        """Return the rows of the log, those of the files that were put aside included."""
        count = 0
        for file in [*rotated_files(self.log), self.log]:
            with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
                count += sum(1 for _ in lines) - 1
        return count

    def sample(self) -> tuple[float, int, int]:
        """Return resident MB, open files, threads."""
        with self.seen.oneshot():
            return self.seen.memory_info().rss / 1e6, self.seen.num_fds(), self.seen.num_threads()

    def stop(self) -> float:
        """Send SIGTERM; return the seconds until the end."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(TIMEOUT_S)
        return time.monotonic() - start


class Numbers(Listener):
    """Notes which readings have reached the broker, and no more, as they are many."""

    def __init__(self, port: int) -> None:
        self.seen: set[int] = set()
        super().__init__(port, "+/+/reading", "soak")

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        self.seen.add(json.loads(message.payload)["number"])


def metric(port: int, name: str) -> float | None:
    """Return a value from the metrics endpoint; None where it does not answer."""
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer,
    ):
        for line in answer.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
    return None
