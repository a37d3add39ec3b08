"""Rotation, compression and retention of the CSV log."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from csv_logs import DAY, all_frames, frames, good_row, opened, put
from readings import NOON, reading

from fer_runtime.out.csv import files as csv_files
from fer_runtime.out.csv.row import HEADER, format_row

# -- rotation ----------------------------------------------------------------------------


def test_each_day_has_its_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = opened(path)
    put(log, 0, 1, wall=NOON)
    midnight = NOON.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    put(log, 1, 1, wall=midnight)
    put(log, 2, 1, wall=midnight + timedelta(hours=9))
    put(log, 3, 1, wall=midnight + DAY)
    log.close()
    assert [file.name for file in csv_files.rotated_files(path)] == [
        "log-20261122-120000.csv", "log-20261123-000000.csv",
    ]  # fmt: skip
    assert frames(tmp_path / "log-20261123-000000.csv") == [1, 2]
    assert frames(path) == [3]


def test_the_rows_of_a_tick_over_midnight_go_each_to_its_day(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = opened(path, interval_s=60.0)
    late = NOON.replace(hour=23, minute=59, second=59)
    put(log, 0, 1, wall=late)
    put(log, 20, 2, wall=late + timedelta(seconds=2))
    log.close()
    assert frames(tmp_path / "log-20261122-235959.csv") == [0]
    assert frames(path) == [20]


def test_a_log_of_yesterday_is_put_aside_at_the_first_row(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(HEADER + good_row(0))
    log = opened(path)
    put(log, 1, 1, wall=NOON + DAY)
    log.close()
    assert frames(tmp_path / "log-20261122-120000.csv") == [0]
    assert frames(path) == [1]


def test_rotation_by_size_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    taken = tmp_path / "log-20261122-120000.csv.gz"
    taken.write_bytes(b"mine")
    log = opened(path, rotate_mb=(len(HEADER) + 2.5 * len(good_row(0))) / 1e6)
    for frame in range(9):
        put(log, frame, 1, wall=NOON)
    log.close()
    files = csv_files.rotated_files(path)
    assert [f.name for f in files] == [
        "log-20261122-120000.csv.gz", "log-20261122-120000-2.csv", "log-20261122-120000-3.csv",
        "log-20261122-120000-4.csv", "log-20261122-120000-5.csv",
    ]  # fmt: skip
    assert taken.read_bytes() == b"mine"
    assert all_frames([*files[1:], path]) == list(range(9))


def test_wall_clock_steps_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = opened(path)
    steps = [NOON, NOON.replace(year=1970), NOON, NOON + 4000 * DAY, NOON, NOON - DAY, NOON]
    for frame, wall in enumerate(steps):
        assert put(log, frame, 1, wall=wall) == 1
    log.close()
    files = [*csv_files.rotated_files(path), path]
    assert sorted(all_frames(files)) == list(range(len(steps)))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root to drop rights")
def test_where_renaming_fails_the_log_stays_one_file(tmp_path: Path) -> None:
    # As another user, in a folder that is not writable: the open file still is.
    script = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from csv_logs import *
path = Path({str(tmp_path / "log.csv")!r})
log = opened(path)
put(log, 0, 1, wall=NOON)
os.chmod(path, 0o666); os.chmod(path.parent, 0o555)
for folder in path.parent.parents: os.chmod(folder, os.stat(folder).st_mode | 0o055)
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for frame in (1, 2):
    assert put(log, frame, 1, wall=NOON + DAY) == 1, frame
print(log.rows)
"""
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{script}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "3\n", done.stderr
    assert done.stderr.count("stays one file") == 1
    assert frames(tmp_path / "log.csv") == [0, 1, 2]


# -- compression and retention -----------------------------------------------------------


def test_rotated_files_are_compressed_in_the_background(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = opened(path, gzip=True)
    put(log, 0, 1, wall=NOON)
    put(log, 1, 1, wall=NOON + DAY)
    log._tidying.join(10)
    packed = tmp_path / "log-20261122-120000.csv.gz"
    assert not packed.with_suffix("").exists()
    assert gzip.decompress(packed.read_bytes()) == HEADER + format_row(reading(0), NOON, 0.0)
    assert frames(path) == [1]
    log.close()


def test_an_interrupted_compression_is_done_again_at_the_next_start(tmp_path: Path) -> None:
    old = tmp_path / "log-20261101-000000.csv"
    old.write_bytes(HEADER + good_row(0))
    os.utime(old, (1.7e9, 1.7e9))
    (tmp_path / "log-20261101-000000.csv.gz.tmp").write_bytes(b"half")
    log = opened(tmp_path / "log.csv", gzip=True)
    log._tidying.join(10)
    log.close()
    packed = tmp_path / "log-20261101-000000.csv.gz"
    assert sorted(p.name for p in tmp_path.glob("log-*")) == [packed.name]
    assert gzip.decompress(packed.read_bytes()) == HEADER + good_row(0)
    assert packed.stat().st_mtime == 1.7e9


def test_the_original_goes_only_when_its_copy_is_complete(tmp_path: Path) -> None:
    old = tmp_path / "log-20261101-000000.csv"
    old.write_bytes(HEADER)
    stop = threading.Event()
    packed = tmp_path / "log-20261101-000000.csv.gz"
    # The process ended between renaming the copy and deleting the original.
    packed.write_bytes(gzip.compress(HEADER))
    assert csv_files.compress(old, stop) and not old.exists()
    # A file of that name with other content, or a damaged one, is never overwritten.
    for other in (gzip.compress(b"another"), b"no gzip", gzip.compress(HEADER)[:-9]):
        old.write_bytes(HEADER)
        packed.write_bytes(other)
        assert not csv_files.compress(old, stop)
        assert old.read_bytes() == HEADER and packed.read_bytes() == other
    packed.unlink()
    stop.set()  # a stop in the middle leaves the original alone
    assert not csv_files.compress(old, stop)
    assert [p.name for p in tmp_path.iterdir()] == [old.name]


def test_keep_files_counts_a_file_and_its_copy_once(tmp_path: Path) -> None:
    for day in range(1, 6):
        (tmp_path / f"log-2026110{day}-000000.csv").write_bytes(HEADER)
    (tmp_path / "log-20261105-000000.csv.gz").write_bytes(b"")
    others = ["log-notes.csv", "log-20261101-000000.txt", "blog-20261101-000000.csv", "log.csv"]
    for name in others:
        (tmp_path / name).touch()
    csv_files.prune(tmp_path / "log.csv", 2, 0, None)
    left = {p.name for p in tmp_path.iterdir()} - set(others)
    assert left == {
        "log-20261104-000000.csv", "log-20261105-000000.csv", "log-20261105-000000.csv.gz",
    }  # fmt: skip
    assert all((tmp_path / name).exists() for name in others)


def aged_file(folder: Path, days: float) -> Path:
    file = folder / "log-20250101-000000.csv"
    file.write_bytes(HEADER)
    when = NOON.timestamp() - days * 86_400
    os.utime(file, (when, when))
    return file


@pytest.mark.parametrize(("days", "kept"), [(29.0, True), (31.0, False)])
def test_keep_days_counts_from_the_last_row(tmp_path: Path, days: float, kept: bool) -> None:
    file = aged_file(tmp_path, days)
    csv_files.prune(tmp_path / "log.csv", 0, 30, NOON)
    assert file.exists() is kept


def test_old_files_go_once_the_clock_has_run_without_a_step(tmp_path: Path) -> None:
    file = aged_file(tmp_path, 500)
    log = opened(tmp_path / "log.csv", keep_days=400)
    for frame in range(0, 6100, 100):
        put(log, frame, 1)
        log._tidying.join(5)
        assert file.exists() == (frame < 6000), frame
    log.close()


def test_a_clock_set_wrong_deletes_nothing(tmp_path: Path) -> None:
    file = aged_file(tmp_path, 10)
    log = opened(tmp_path / "log.csv", keep_days=400, rotate_daily=False)
    for frame in range(0, 12_000, 100):
        wrong = 3000 * DAY if frame < 5000 else timedelta(0)
        put(log, frame, 1, wall=NOON + timedelta(seconds=frame / 10) + wrong)
    log._tidying.join(5)
    log.close()
    assert file.exists()
