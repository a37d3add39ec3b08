"""The real command with ``--web``, asked by curl as a user would."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from schemas import check
from waiting import wait_until

pytestmark = pytest.mark.usefixtures("assets")
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]
CURL = shutil.which("curl")


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as reply:
        return str(reply.read().decode())


def running(port: int) -> bool:
    with contextlib.suppress(OSError):
        return bool(json.loads(get(port, "/now"))["people"])
    return False


@pytest.mark.skipif(CURL is None, reason="no curl")
def test_curl_follows_the_demo(fer_process: Start) -> None:
    port = free_port()
    process = fer_process("--source", "demo", "--web", f"127.0.0.1:{port}")
    wait_until(lambda: running(port), "a face in /now")
    assert json.loads(get(port, "/health"))["state"] == "running"
    assert "fer_frames_captured_total" in get(port, "/metrics")
    assert CURL is not None
    curl = subprocess.Popen(
        [CURL, "-sN", f"http://127.0.0.1:{port}/events"], stdout=subprocess.PIPE, text=True
    )
    assert curl.stdout is not None
    try:
        kinds = set()
        kind = ""
        while kinds < {"moment", "status"} or "visit" not in kinds:
            line = curl.stdout.readline()
            assert line, "the stream has ended"
            name, _, value = line.strip().partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                kinds.add(kind)
                if kind != "status":
                    check(kind, json.loads(value))
        process.send_signal(signal.SIGTERM)
        rest = curl.stdout.read()
        assert '"state":"stopping"' in rest
        assert curl.wait(20) == 0  # the end of the stream is a proper one
    finally:
        curl.kill()
        curl.wait()
        curl.stdout.close()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert f"listening at http://127.0.0.1:{port}/" in said and "Traceback" not in said


def test_a_taken_port_stops_no_readings(fer: Command, tmp_path: Path, clip: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        done = fer("--source", clip, "--csv", "log.csv", "--web", address)
    assert done.returncode == 0
    assert len((tmp_path / "log.csv").read_text().splitlines()) > 1
    lines = [line for line in done.stderr.splitlines() if "cannot be listened on" in line]
    assert len(lines) == 1 and address in lines[0] and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("flags", "word"),
    [(["--web", "8765"], "--web"), (["--web", "kiosk.lan:80"], "--web")],
)
def test_a_bad_address_is_one_line(fer: Command, flags: list[str], word: str) -> None:
    for more in ([], ["--check"]):
        done = fer("--source", "demo", *flags, *more)
        assert done.returncode == 78, done.stderr
        said = [line for line in (done.stdout + done.stderr).splitlines() if "expected an" in line]
        assert len(said) == 1 and "Traceback" not in done.stderr


def test_origins_port_and_the_retired_setting(fer: Command, tmp_path: Path) -> None:
    config = tmp_path / "kiosk.yaml"
    config.write_text('web:\n  listen: "127.0.0.1:8765"\n  origins: "*"\n')
    done = fer("--source", "demo", "--config", config)
    assert done.returncode == 78 and "web.origins: expected" in done.stderr
    config.write_text("status:\n  prometheus_port: 9000\n")
    done = fer("--config", config, "--print-config")
    assert done.returncode == 0 and "web.listen serves /metrics" in done.stderr


def test_without_the_extra_it_ends_with_78(fer: Command, tmp_path: Path) -> None:
    (tmp_path / "none" / "uvicorn").mkdir(parents=True)
    (tmp_path / "none" / "uvicorn" / "__init__.py").write_text("raise ImportError('none')\n")
    env: dict[str, Any] = {"PYTHONPATH": str(tmp_path / "none")}
    for more in ([], ["--check"]):
        done = fer("--source", "demo", "--web", "127.0.0.1:8765", *more, **env)
        assert done.returncode == 78
        said = (done.stdout + done.stderr).splitlines()
        assert len([line for line in said if "fer-edge[web]" in line]) == 1
        assert "Traceback" not in done.stderr
