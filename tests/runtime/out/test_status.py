"""The status file and its reader for monitoring."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import filelock
import pytest
from closed import close
from readings import NOON

from fer_runtime.errors import OutputError, check_replaceable
from fer_runtime.out.status import StatusWriter, read_status
from fer_runtime.settings.out import StatusSettings

RECORD: dict[str, Any] = {
    "state": "running",
    "state_for_s": 12.0,
    "source": "demo",
    "captured": 300,
    "processed": 290,
    "skipped": 10,
    "processed_fps": 29.0,
    "latency_ms": {"p50": 4.1, "p95": 5.0, "p99": 6.2},
    "last_frame_age_s": 0.03,
    "faces": 1,
    "readings": 280,
    "csv_rows": 28,
    "csv_dropped": 0,
    "model": "ferplus",
    "interpreter": "litert",
    "device": "hall",
}


def writer(path: Path | None, **changes: Any) -> StatusWriter:
    settings = StatusSettings(path=str(path or ""), **changes)
    return StatusWriter(settings, version="1.2.3", clock=lambda: 1000.0)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., tuple[str, int]]:
    """Write a status and read it `age` seconds later."""

    def write(age: float = 1.0, **changes: Any) -> tuple[str, int]:
        path = tmp_path / "status.json"
        writer(path).write(RECORD | changes, 1010.0, NOON)
        return read_status(path, NOON.timestamp() + age)

    return write


def test_the_file_holds_what_is_known_and_what_is_added(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    status = writer(path, interval_s=2.0)
    status.write(RECORD | {"captured": 0, "skipped": 0}, 1000.0, NOON)
    returned = status.write(RECORD, 1010.0, NOON)
    data = json.loads(path.read_text())
    assert data == returned
    assert {key: data[key] for key in RECORD} == RECORD
    assert (data["captured_fps"], data["skipped_fps"]) == (30.0, 1.0)
    assert (data["version"], data["uptime_s"], data["pid"]) == ("1.2.3", 10.0, os.getpid())
    assert data["interval_s"] == 2.0
    assert datetime.fromisoformat(data["written_at"]) == NOON
    if sys.platform == "linux":
        assert 5 < data["rss_mb"] < 5000
    assert sorted(os.listdir(tmp_path)) == ["status.json", "status.json.lock"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    # The file is replaced, never written into: an open one keeps its content.
    path = tmp_path / "status.json"
    status = writer(path)
    status.write(RECORD, 1000.0, NOON)
    with path.open() as open_file:
        status.write(RECORD | {"captured": 999}, 1005.0, NOON)
        assert json.load(open_file)["captured"] == 300
    assert json.loads(path.read_text())["captured"] == 999


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_monitoring_may_read_the_file_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        writer(tmp_path / "status.json").write(RECORD, 1000.0, NOON)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "status.json").stat().st_mode) == 0o644


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_no_planted_link_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in (f".status.json.{os.getpid()}.tmp", "status.json"):
        (tmp_path / name).symlink_to(victim)
    writer(tmp_path / "status.json").write(RECORD, 1000.0, NOON)
    assert victim.read_text() == "precious"
    assert json.loads((tmp_path / "status.json").read_text())["captured"] == 300
    assert not (tmp_path / "status.json").is_symlink()


def test_an_unknown_field_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="colour"):
        writer(tmp_path / "s").write({"colour": 1, "state": "idle", "source": ""}, 0.0, NOON)


def test_a_disk_that_fails_is_one_warning_and_recovers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    status = writer(folder / "status.json")
    shutil.rmtree(folder)
    for _ in range(3):
        status.write(RECORD, 1000.0, NOON)
    folder.mkdir()
    status.write(RECORD, 1010.0, NOON)
    assert len(caplog.records) == 2 and "written again" in caplog.text


def test_a_missing_folder_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"status file .* does not exist; mkdir"):
        writer(tmp_path / "none" / "status.json")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_device_or_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "status.json")
    with pytest.raises(OutputError, match=r"status file .*received a device, pipe or socket"):
        writer(tmp_path / "status.json")
    with pytest.raises(OutputError, match="/dev/null: expected a file"):
        check_replaceable(Path("/dev/null"), "status file")


# -- the reader ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["running", "idle", "starting"])
def test_running_is_0(written: Callable[..., tuple[str, int]], state: str) -> None:
    text, code = written(state=state)
    assert code == 0
    assert text.splitlines()[0] == f"{state}: 29.0 fps, 1 face, source demo"
    assert "latency_ms        p50 4.1, p95 5.0, p99 6.2" in text


@pytest.mark.parametrize("state", ["retrying", "covered"])
def test_no_picture_is_69(written: Callable[..., tuple[str, int]], state: str) -> None:
    text, code = written(state=state, reason="no new frame")
    assert code == 69 and text.startswith(f"{state} for 12 s: demo no new frame\n")


def test_an_old_file_is_1(written: Callable[..., tuple[str, int]]) -> None:
    assert written(19.0)[1] == 0  # up to three missed updates
    text, code = written(21.0)
    assert code == 1 and text.startswith("hanging: written 21 s ago, expected every 5 s")
    assert written(-3600.0)[1] == 1  # from the future


def test_an_ended_process_is_1(written: Callable[..., tuple[str, int]], tmp_path: Path) -> None:
    text, code = written(state="stopping")
    assert code == 1 and text.startswith("not running: it ended 1 s ago")
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    if os.name == "posix":
        text, code = written(pid=done.pid)
        assert code == 1 and text.startswith(f"not running: process {done.pid} has ended")


def test_no_file_is_1(tmp_path: Path) -> None:
    text, code = read_status(tmp_path / "none.json", 0.0)
    assert code == 1 and text.startswith("not running: no status file")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"{}", b'{"state": "dancing"}', b"\xff\xfe", b"null"]
)
def test_a_file_that_is_no_status_is_65(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(content)
    text, code = read_status(path, 0.0)
    assert code == 65 and len(text.splitlines()) == 1
    assert read_status(tmp_path, 0.0)[1] == 65  # a folder


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("interval_s", "5"), ("interval_s", None), ("interval_s", float("nan")), ("pid", 1 << 80),
        ("pid", "1"), ("pid", 1.0), ("pid", None), ("state_for_s", None), ("processed_fps", "29"),
        ("faces", []), ("written_at", None), ("written_at", "0001-01-01T00:00:00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("state", ["running", "covered"])
def test_a_field_of_another_type_is_65(
    written: Callable[..., tuple[str, int]], tmp_path: Path, state: str, field: str, value: object
) -> None:
    written(state=state)
    path = tmp_path / "status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    text, code = read_status(path, NOON.timestamp() + 1)
    if value != "0001-01-01T00:00:00":  # before 1970, which is a time for some systems
        assert code == 65 and text.endswith("expected the JSON that fer-runtime writes")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "status.json")
    text, code = read_status(tmp_path / "status.json", 0.0)
    assert code == 65 and "received a device, pipe or socket" in text


def test_the_command_says_the_same(fer: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    now = datetime.now().astimezone()
    for state, code in (("running", 0), ("retrying", 69)):
        writer(path, interval_s=600.0).write(RECORD | {"state": state}, 1010.0, now)
        done = fer("--status", "--status-file", path)
        assert done.returncode == code, done.stderr
        assert done.stdout.startswith(state)
    writer(path).write(RECORD, 1010.0, now - timedelta(days=1))
    assert fer("--status", "--status-file", path).returncode == 1
    done = fer("--status", "--status-file", tmp_path / "none")
    assert done.returncode == 1 and "Traceback" not in done.stderr


def test_a_folder_out_of_reach_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, tmp_path)
    path = tmp_path / "in" / "status.json"
    with pytest.raises(OutputError, match=r"status file .* cannot be used: Permission denied; "):
        StatusWriter(StatusSettings(str(path)), version="1", clock=lambda: 0.0)


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    code = (
        "import sys; from fer_runtime.out.status import StatusWriter\n"
        "from fer_runtime.settings.out import StatusSettings\n"
        "try: StatusWriter(StatusSettings(sys.argv[1]), version='1', clock=lambda: 0.0)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )

    def other() -> str:
        command = [sys.executable, "-c", code, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first = StatusWriter(StatusSettings(str(path)), version="1", clock=lambda: 0.0)
    said = other()
    assert said.startswith(f"OutputError status file {path}: another process writes to it (lock ")
    assert said.rstrip().endswith("or give --status-file another name")
    first.close()
    assert other() == ""


def test_a_folder_without_locks_has_a_status_file_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reason in (NotImplementedError(), PermissionError(errno.EACCES, "Permission denied")):

        def refuse(*args: object, reason: Exception = reason, **kwargs: object) -> None:
            raise reason

        monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
        path = tmp_path / "status.json"
        writer = StatusWriter(StatusSettings(str(path)), version="1", clock=lambda: 0.0)
        writer.write({"state": "running", "source": "0"}, 1.0, NOON)
        assert json.loads(path.read_text())["state"] == "running"
        writer.close()
        path.unlink()
