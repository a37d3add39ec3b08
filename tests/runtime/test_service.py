"""The real command as a service: what systemd, monitoring and a broker hear of it."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fer_runtime.out.csv.row import COLUMNS, MINUTES, VISITS
from fer_runtime.out.status import Status, read_status

DOCS = Path(__file__).parents[2] / "docs"
PATIENCE_S = 60.0

pytestmark = pytest.mark.skipif(
    os.name != "posix" or not hasattr(socket, "AF_UNIX"), reason="signals and sockets of POSIX"
)

Start = Callable[..., "subprocess.Popen[str]"]


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def wait_for(self, message: str, times: int = 1) -> None:
        """Listen until a message that begins so has come so often."""
        self._socket.settimeout(PATIENCE_S)
        deadline = time.monotonic() + PATIENCE_S
        while sum(m.startswith(message) for m in self.heard) < times:
            assert time.monotonic() < deadline, self.heard
            self.heard.append(self._socket.recv(4096).decode())

    def drain(self) -> list[str]:
        """Return what has come meanwhile."""
        self._socket.setblocking(False)
        new = []
        try:
            while True:
                new.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return new

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


def end(process: subprocess.Popen[str]) -> tuple[int, float]:
    """Send SIGTERM; return the exit code and how long it took, in seconds."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(PATIENCE_S)
    return code, time.monotonic() - started


def test_systemd_hears_the_whole_life(
    manager: Manager, fer_process: Start, clip: Path, tmp_path: Path
) -> None:
    log, status = tmp_path / "log.csv", tmp_path / "status.json"
    process = fer_process(
        "--source", clip, "--loop", "--csv", log, "--csv-interval", 0, "--status-file", status,
        NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="200000",
    )  # fmt: skip
    manager.wait_for("READY=1")
    manager.wait_for("STATUS=running")
    manager.wait_for("WATCHDOG=1", 5)
    text, code = read_status(status, time.time())
    assert code == 0 and text.startswith("running"), text
    code, seconds = end(process)
    assert code == 0 and seconds < 5
    manager.wait_for("STOPPING=1")
    rows = list(csv.DictReader(log.read_text().splitlines()))
    last = json.loads(status.read_text())
    assert last["state"] == "stopping" and last["csv_rows"] == len(rows) == last["readings"] > 0
    assert read_status(status, time.time())[1] == 1


def test_a_hanging_loop_gives_no_sign_of_life(
    manager: Manager, fer_process: Start, clip: Path
) -> None:
    process = fer_process(
        "--source", clip, "--loop", FER_EDGE_FAULT="hang_after_s=0.5",
        NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="200000",
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "hangs now" in line:
            break
    manager.drain()
    time.sleep(1.0)  # ten signs of life are due in it
    assert [m for m in manager.drain() if m.startswith("WATCHDOG")] == []
    assert process.poll() is None
    code, seconds = end(process)
    assert code == 0 and seconds < 5  # a loop that hangs does not hold up the end


def test_it_is_ready_without_its_camera(
    manager: Manager, fer_process: Start, tmp_path: Path
) -> None:
    status = tmp_path / "status.json"
    process = fer_process(
        "--source", "/dev/fer-no-camera", "--status-file", status,
        NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="200000",
    )  # fmt: skip
    manager.wait_for("READY=1")
    manager.wait_for("STATUS=retrying")
    manager.wait_for("WATCHDOG=1", 3)  # waiting for a camera is progress
    text, code = read_status(status, time.time())
    assert code == 69 and "/dev/fer-no-camera" in text
    assert end(process)[0] == 0


def test_visits_and_minutes_of_a_run(fer: Callable[..., Any], clip: Path, tmp_path: Path) -> None:
    done = fer("--source", clip, "--csv", "log.csv", "--csv-interval", 0,
               "--visits", "visits.csv", "--minutes", "minutes.csv")  # fmt: skip
    assert done.returncode == 0, done.stderr
    log, visits, minutes = (
        list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines()))
        for name in ("log", "visits", "minutes")
    )
    assert len(visits) == len({row["face_id"] for row in log}) > 0
    seen = sum(float(m["face_seconds"]) for m in minutes)
    assert seen == pytest.approx(sum(float(v["seconds"]) for v in visits), abs=0.01)
    # A row stands for a frame, a visit for the time between its first and its last one.
    assert seen == pytest.approx((len(log) - len(visits)) / 30, rel=0.01)
    assert sum(float(m["seconds_watched"]) for m in minutes) == pytest.approx(89 / 30, abs=0.01)


def test_a_broker_hears_what_the_log_has(fer_process: Start, clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("paho.mqtt", reason="extra mqtt is not installed")
    from broker import MOSQUITTO, Broker, Listener
    from ports import free_port
    from waiting import wait_until

    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
    broker = Broker(tmp_path, free_port())
    broker.start()
    listener = Listener(broker.port)
    config, log = tmp_path / "kiosk.yaml", tmp_path / "log.csv"
    config.write_text(
        f"source: {{source: '{clip}', loop: true}}\n"
        f"csv: {{path: '{log}', interval_s: 0}}\n"
        f"mqtt: {{host: 127.0.0.1, port: {broker.port}, device: hall-2, interval_s: 0}}\n"
    )
    process = fer_process("--config", config)
    try:
        wait_until(lambda: len(listener.of("reading")) > 50, "readings")
        wait_until(lambda: any(m["state"] == "running" for m in listener.of("status")), "status")
        assert end(process)[0] == 0
        wait_until(lambda: listener.of("status")[-1]["state"] == "offline", "the farewell")
    finally:
        listener.close()
        broker.stop()
    rows = {
        (int(r["frame"]), int(r["face_id"])): r
        for r in csv.DictReader(log.read_text("utf-8").splitlines())
    }
    for message in listener.of("reading"):
        row = rows[message["frame"], message["face_id"]]
        assert row["emotion"] == message["emotion"]
        assert float(row["p_happy"]) == message["probabilities"]["happy"]
        assert row["timestamp"] == message["timestamp"]
    running = next(m for m in listener.of("status") if m["state"] == "running")
    assert {f.name for f in dataclasses.fields(Status)} <= running.keys()


# -- the documents say what is there -----------------------------------------------------------


def test_the_operators_chapter_names_every_key_and_column() -> None:
    text = (DOCS / "operating.md").read_text("utf-8")
    names = [f.name for f in dataclasses.fields(Status) if not f.name.endswith("_fps")]
    columns = [*COLUMNS, *VISITS.columns, *MINUTES.columns]
    columns = [c for c in columns if not c.startswith(("p_", "s_"))]
    missing = [name for name in names + columns if f"`{name}`" not in text]
    assert missing == []


def test_the_chapter_on_mqtt_names_every_key() -> None:
    text = (DOCS / "mqtt.md").read_text("utf-8")
    sample = text.split("```json")[1].split("```")[0]
    keys = json.loads(sample).keys()
    missing = [key for key in keys if f"`{key}`" not in text.replace(sample, "")]
    assert missing == []


def patient(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_the_last_readings_do_not_wait_for_a_lost_camera_to_come_back(
    fer_process: Start, demo_frames: Callable[[int], Any], tmp_path: Path
) -> None:
    pytest.importorskip("paho.mqtt", reason="extra mqtt is not installed")
    from broker import MOSQUITTO, Broker, Listener
    from mjpeg_server import FaultyCamera
    from ports import free_port
    from waiting import wait_until

    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
    broker = Broker(tmp_path, free_port())
    broker.start()
    listener = Listener(broker.port)
    config, log, status = tmp_path / "kiosk.yaml", tmp_path / "log.csv", tmp_path / "status.json"
    with FaultyCamera(demo_frames) as camera:
        # Ticks so long that nothing leaves a sink by its own end.
        config.write_text(
            f"source: {{source: '{camera.url}', lost_after_s: 1}}\n"
            f"csv: {{path: '{log}', interval_s: 1000}}\n"
            f"mqtt: {{host: 127.0.0.1, port: {broker.port}, device: hall, interval_s: 1000}}\n"
            f"status: {{path: '{status}', interval_s: 0.5}}\n"
        )
        process = fer_process("--config", config)

        def record() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(status.read_text()) if status.exists() else {}
            return found

        patient(lambda: record().get("readings", 0) > 5, process)
        assert not list(csv.DictReader(log.read_text().splitlines()))
        camera.mode = "refuse"
        patient(lambda: record()["state"] == "retrying", process)
        patient(lambda: len(log.read_text().splitlines()) == 2, process)
        wait_until(lambda: bool(listener.of("reading")), "a reading")
        assert record()["state"] == "retrying"  # all of it while the camera is away
        assert end(process)[0] == 0
    listener.close()
    broker.stop()


def test_a_service_waits_for_a_model_on_a_mount_that_comes_late(
    manager: Manager, fer_process: Start, clip: Path, tmp_path: Path
) -> None:
    from fer_runtime.model.metadata import model_path

    late = tmp_path / "mount" / "model.tflite"
    arguments = ("--source", clip, "--loop", "--model", late)
    process = fer_process(*arguments, NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="200000")
    manager.wait_for("STATUS=waiting for classifier.model")
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1", 2)  # waiting is progress
    late.parent.mkdir()
    late.write_bytes(model_path("fer2013").read_bytes())
    manager.wait_for("STATUS=running")
    assert end(process)[0] == 0


def test_a_service_that_waits_for_a_file_ends_when_it_is_told_to(
    manager: Manager, fer_process: Start, tmp_path: Path
) -> None:
    model = tmp_path / "none.tflite"
    process = fer_process("--source", "demo", "--model", model, NOTIFY_SOCKET=str(manager.path))
    manager.wait_for("READY=1")
    assert end(process)[0] == 0


def test_what_does_not_get_better_by_waiting_ends_a_service_with_78(
    manager: Manager, fer_process: Start, tmp_path: Path
) -> None:
    model = tmp_path / "text.tflite"
    model.write_text("no model")
    process = fer_process("--source", "demo", "--model", model, NOTIFY_SOCKET=str(manager.path))
    assert process.wait(PATIENCE_S) == 78
