"""The CSV log on a disk that is full, read-only or gone, and in a killed process."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from csv_logs import frames, opened, put, rows, settings
from readings import NOON

from fer_runtime.errors import ConfigError, OutputError
from fer_runtime.out.csv import files as csv_files
from fer_runtime.out.csv.log import CsvLog
from fer_runtime.out.csv.row import HEADER

# -- places that can never take a log ----------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="links, pipes")
def test_what_can_never_be_a_log_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for name, words in (("loop.csv", "circle; rm "), ("pipe.csv", "device or pipe; give --csv")):
        with pytest.raises(OutputError, match=words):
            opened(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["loop.csv", "pipe.csv"]  # no lock either


def test_a_name_has_room_for_what_is_added_when_it_is_put_aside(tmp_path: Path) -> None:
    room = min(255, os.pathconf(tmp_path, "PC_NAME_MAX")) if hasattr(os, "pathconf") else 255
    longest = room - len("-20261122-000000-99.gz.tmp")
    with pytest.raises(ConfigError, match=f"at most {longest} bytes.*received {longest + 1}"):
        opened(tmp_path / ("ñ" * ((longest - 4) // 2) + "x" * (longest % 2 + 1) + ".csv"))
    assert os.listdir(tmp_path) == []
    path = tmp_path / ("x" * (longest - 4) + ".csv")
    opened(path).close()
    for number in range(2, 4):
        target = csv_files.rotated_path(path, NOON)
        target.write_bytes(HEADER)
        assert csv_files.compress(target, threading.Event()), number


# -- a disk that is full, read-only, or gone ---------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount a tmpfs here (needs root)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_drops_whole_rows_and_writing_resumes(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = small_disk / "log.csv"
    log = opened(path)
    (small_disk / "ballast").write_bytes(b"x" * 40_000)
    frame = 0
    while log.writable:
        put(log, frame, 1, 2, 3)
        frame += 1
        assert frame < 1000
        rows(path)  # whole at every moment
    full = frame
    for _ in range(500):  # fifty seconds of it
        assert put(log, frame, 1, 2, 3) == 0
        frame += 1
    assert len(rows(path)) == log.rows == 3 * (full - 1)
    assert log.dropped == 3 * 501
    assert len(caplog.records) == 1 and "No space left on device" in caplog.text
    (small_disk / "ballast").unlink()
    frame += 20
    assert put(log, frame, 1, 2, 3) == 3 and log.writable
    log.close()
    assert frames(path)[-1] == frame and len(rows(path)) == log.rows
    assert len(caplog.records) == 2 and "1503 rows were dropped" in caplog.text


def test_the_status_tells_the_space_and_the_newest_row(small_disk: Path) -> None:
    log = opened(small_disk / "log.csv", fsync_s=0.0)
    before = log.status()
    assert "csv_written_at" not in before and 0.02 < before["csv_free_mb"] < 0.066
    (small_disk / "ballast").write_bytes(b"x" * 40_000)
    put(log, 0, 1, 2)
    put(log, 1)
    after = log.status()
    assert after["csv_free_mb"] <= before["csv_free_mb"] - 0.03
    assert after["csv_written_at"] == NOON.isoformat(timespec="milliseconds")
    (small_disk / "more").write_bytes(b"x" * int(after["csv_free_mb"] * 1e6 - 4096))
    frame = 2
    while log.writable:
        put(log, frame, 1, 2)
        frame += 1
    assert log.status()["csv_written_at"] == (NOON + timedelta(seconds=(frame - 2) / 10)).isoformat(
        timespec="milliseconds"
    )
    log.close()


def test_a_read_only_disk_is_waited_for(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = small_disk / "log.csv"
    log = opened(path)
    put(log, 0, 1)
    # Nothing that is open for writing can be remounted read-only: another disk goes over it.
    cover = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(small_disk)]
    subprocess.run(cover, check=True)
    try:
        assert [put(log, n, 1) for n in range(1, 40)] == [0] * 39
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)
    assert put(log, 60, 1) == 1
    log.close()
    assert frames(path) == [0, 60]
    assert len(caplog.records) == 2 and "Read-only file system" in caplog.text


def test_a_log_that_was_never_on_a_read_only_disk_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OutputError, match=r"Read-only file system.*ReadWritePaths="):
        CsvLog(settings(small_disk / "log.csv")).open()


@pytest.mark.parametrize("there", [True, False], ids=["there already", "new"])
def test_a_disk_that_is_full_at_the_start_is_waited_for(
    small_disk: Path, caplog: pytest.LogCaptureFixture, there: bool
) -> None:
    path = small_disk / "log.csv"
    if there:
        path.write_bytes(HEADER)
    with pytest.raises(OSError), (small_disk / "ballast").open("wb", 0) as ballast:
        while True:
            ballast.write(b"x" * 4096)
    if there:
        os.truncate(path, 0)  # even its header does not fit
        with pytest.raises(OSError), (small_disk / "more").open("wb", 0) as ballast:
            while True:
                ballast.write(b"x" * 4096)
    log = CsvLog(settings(path))
    log.open()
    assert not log.writable
    assert [put(log, n, 1) for n in range(30)] == [0] * 30
    (small_disk / "ballast").unlink()
    assert put(log, 60, 1) == 1
    # Held by this process alone from then on.
    with pytest.raises(OutputError, match="another process writes to it"):
        CsvLog(settings(path)).open()
    log.close()
    assert frames(path) == [60] and (log.rows, log.dropped) == (1, 30)
    assert len(caplog.records) == 2 and "No space left on device" in caplog.text


def test_a_disk_that_is_read_only_at_the_start_is_waited_for(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = small_disk / "log.csv"
    opened(path).close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    log = CsvLog(settings(path))
    log.open()
    assert put(log, 0, 1) == 0
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert put(log, 20, 1) == 1
    log.close()
    assert frames(path) == [20]
    assert len(caplog.records) == 2 and "Read-only file system" in caplog.text


@pytest.mark.usefixtures("assets")
def test_the_service_reads_on_with_a_full_disk_at_its_start(
    small_disk: Path, fer: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    with pytest.raises(OSError), (small_disk / "ballast").open("wb", 0) as ballast:
        while True:
            ballast.write(b"x" * 4096)
    status = tmp_path / "status.json"
    flags = ("--source", "demo", "--max-frames", 20, "--status-file", status)
    done = fer("--csv", small_disk / "log.csv", "--csv-interval", 0, *flags)
    assert done.returncode == 0, done.stderr
    assert "rows are dropped until it can be written" in done.stderr
    record = json.loads(status.read_text())
    assert record["processed"] == 20 and record["csv_dropped"] == record["readings"] > 0


def test_a_compression_that_does_not_fit_leaves_the_original(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = small_disk / "log-20261101-000000.csv"
    old.write_bytes(os.urandom(50_000))
    assert not csv_files.compress(old, threading.Event())
    assert [p.name for p in small_disk.iterdir()] == [old.name]
    assert "stays uncompressed" in caplog.text


def test_rows_go_on_when_the_folder_is_gone_and_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    log = opened(folder / "log.csv")
    put(log, 0, 1)
    folder.rename(tmp_path / "pulled")
    assert put(log, 1, 1) == 0
    folder.mkdir()
    assert put(log, 20, 1) == 1
    log.close()
    assert frames(folder / "log.csv") == [20]
    assert len(caplog.records) == 2


# -- killed ------------------------------------------------------------------------------


WRITER = """
import sys
sys.path[:0] = {path!r}
from csv_logs import *
log = opened(Path(sys.argv[1]), rotate_mb=0.05, gzip=True)
for frame in range(10**9):
    put(log, frame, 1, wall=NOON)
    print(log.rows, flush=True)
"""


def test_a_disk_that_fails_at_midnight_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.csv"
    log = opened(path)
    put(log, 0, 1)
    real = os.stat

    def failing(place: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        if "log" in str(place):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(place, *args, **kwargs)

    with monkeypatch.context() as disk:
        disk.setattr(os, "stat", failing)
        disk.setattr(os, "rename", failing)
        assert put(log, 1, 1, wall=NOON + timedelta(days=1)) == 1  # it stays one file
        assert put(log, 2, 1, wall=NOON + timedelta(days=1)) == 0
    assert put(log, 40, 1, wall=NOON + timedelta(days=1)) == 1
    log.close()
    assert log.rows == 3 and log.dropped == 1
    assert "rows are dropped until it can be written: Input/output error" in caplog.text


def test_a_file_that_complains_when_closed_is_closed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """NFS and FUSE tell of a full disk only then."""
    path = tmp_path / "log.csv"
    log = opened(path)
    put(log, 0, 1)
    mine, real, closed = log._file._fd, os.close, []

    def complaining(fd: int) -> None:
        closed.append(fd)
        real(fd)
        if fd == mine:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    path.unlink()
    with monkeypatch.context() as disk:
        disk.setattr(os, "close", complaining)
        assert put(log, 1, 1) == 1  # in a new file
    assert closed.count(mine) == 1 and "Disk quota exceeded" in caplog.text
    log.close()
    assert frames(path) == [1]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL of POSIX")
def test_kill_9_loses_no_written_row(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    folder = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(path=[folder, *sys.path]), str(path)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(1500):
        said = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    said = [said, *process.stdout.readlines()][-1]
    process.wait()
    process.stdout.close()
    log = opened(path, gzip=False, rotate_mb=0)
    log.close()
    found = []
    for file in [*csv_files.rotated_files(path), path]:
        text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        assert text.startswith(HEADER) and text.endswith(b"\n")
        names = text.decode().splitlines()
        found += [int(row["frame"]) for row in csv.DictReader(names)]
    assert len(csv_files.rotated_files(path)) > 2
    # Killed while compressing: the copy may be there beside its original.
    found = sorted(set(found))
    assert found == list(range(len(found)))
    assert 0 <= len(found) - int(said) <= 1
