"""Rotation, compression and retention of the CSV log."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from csv_logs import DAY, all_frames, frames, good_row, opened, put
from readings import NOON, reading

from fer_runtime.labels import LONGEST_NAME
from fer_runtime.out.csv import files as csv_files
from fer_runtime.out.csv import retention
from fer_runtime.out.csv.log import CsvLog
from fer_runtime.out.csv.row import HEADER, format_row


def test_the_longest_names_leave_a_row_that_a_repair_finds_whole(tmp_path: Path) -> None:
    # Four bytes each, and quotes, which are doubled.
    for name in ("\U0001f600" * LONGEST_NAME, '"' * LONGEST_NAME):
        path = tmp_path / f"{len(name.encode())}.csv"
        row = format_row(reading(model=name), NOON, 0.0)
        path.write_bytes(HEADER + row + row)
        opened(path).close()
        assert path.read_bytes() == HEADER + row + row


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


def test_a_copy_that_is_damaged_keeps_no_other_file_from_being_compressed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, next_one = tmp_path / "log-20260101-000000.csv", tmp_path / "log-20260102-000000.csv"
    damaged.write_bytes(b"".join(b"%d,%d\n" % (i, i * i) for i in range(3000)))
    copy = bytearray(gzip.compress(damaged.read_bytes()))
    copy[60:90] = b"\xff" * 30  # no deflate stream any more
    damaged.with_name(damaged.name + ".gz").write_bytes(copy)
    next_one.write_bytes(HEADER)
    csv_files.compress_rotated(tmp_path / "log.csv", threading.Event())
    assert damaged.exists() and not next_one.exists()
    assert "stays uncompressed: Error -3 while decompressing" in caplog.text


def test_keep_files_counts_a_file_and_its_copy_once(tmp_path: Path) -> None:
    for day in range(1, 6):
        dated(tmp_path, NOON.replace(day=day, hour=0))
    (tmp_path / "log-20261105-000000.csv.gz").write_bytes(b"")
    others = ["log-notes.csv", "log-20261101-000000.txt", "blog-20261101-000000.csv", "log.csv"]
    for name in others:
        (tmp_path / name).touch()
    retention.prune(tmp_path / "log.csv", 2, 0, None)
    left = {p.name for p in tmp_path.iterdir()} - set(others)
    assert left == {
        "log-20261104-000000.csv", "log-20261105-000000.csv", "log-20261105-000000.csv.gz",
    }  # fmt: skip
    assert all((tmp_path / name).exists() for name in others)


def test_of_files_that_began_in_one_second_the_oldest_go_first(tmp_path: Path) -> None:
    began = "log-20261122-120000"
    for name in ("", "-2", "-9", "-10"):
        file = tmp_path / f"{began}{name}.csv"
        file.write_bytes(HEADER)
        os.utime(file, (NOON.timestamp(), NOON.timestamp()))
    retention.prune(tmp_path / "log.csv", 2, 0, None)
    assert {p.stem for p in tmp_path.iterdir()} == {f"{began}-9", f"{began}-10"}


def test_another_logs_half_compressed_file_is_not_ours(tmp_path: Path) -> None:
    other = tmp_path / "log-hall-20261101-000000.csv.gz.tmp"
    other.write_bytes(b"being written")
    opened(tmp_path / "log.csv").close()
    assert other.read_bytes() == b"being written"


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_compression_does_not_write_through_a_planted_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    old = dated(tmp_path, NOON - DAY)
    old.with_name(old.name + ".gz.tmp").symlink_to(victim)
    assert csv_files.compress(old, threading.Event())
    assert victim.read_text() == "precious"


# -- retention and the clock -------------------------------------------------------------


def dated(folder: Path, began: datetime, aside: datetime | None = None) -> Path:
    """A rotated file whose first row is of `began`, put aside at the end of that day."""
    file = folder / f"log-{began:%Y%m%d-%H%M%S}.csv"
    file.write_bytes(HEADER)
    when = (aside or began).timestamp()
    os.utime(file, (when, when))
    return file


def logged(folder: Path, last: datetime, days: int) -> list[Path]:
    """Rotated files of so many days in a row, the newest first."""
    return [dated(folder, last - n * DAY) for n in range(days)]


def run_for(log: CsvLog, start: datetime, seconds: int, first_s: int = 0) -> None:
    """Feed a log with a row every ten seconds, the clock saying `start` at its first."""
    for second in range(0, seconds, 10):
        put(log, (first_s + second) * 10, 1, wall=start + timedelta(seconds=second))
        log._tidying.join(5)


@pytest.mark.parametrize(("days", "kept"), [(30, True), (31, False)])
def test_keep_days_counts_from_when_a_file_was_put_aside(
    tmp_path: Path, days: int, kept: bool
) -> None:
    newest, *_ = logged(tmp_path, NOON, 3)
    file = dated(tmp_path, NOON - 300 * DAY, aside=NOON - days * DAY)
    retention.prune(tmp_path / "log.csv", 0, 30, NOON)
    assert file.exists() is kept and newest.exists()


@pytest.mark.parametrize(("days", "kept"), [(30, True), (31, False)])
def test_the_name_counts_where_a_copy_has_another_time(
    tmp_path: Path, days: int, kept: bool
) -> None:
    logged(tmp_path, NOON, 3)
    file = dated(tmp_path, NOON - days * DAY, aside=NOON - 9000 * DAY)
    retention.prune(tmp_path / "log.csv", 0, 30, NOON)
    assert file.exists() is kept


def test_old_files_go_once_the_clock_has_run_without_a_step(tmp_path: Path) -> None:
    logged(tmp_path, NOON - DAY, 400)
    old = dated(tmp_path, NOON - 402 * DAY)
    log = opened(tmp_path / "log.csv", keep_days=400)
    run_for(log, NOON, 600)
    assert old.exists()
    run_for(log, NOON + timedelta(seconds=600), 20, 600)
    log.close()
    assert not old.exists() and len(csv_files.rotated_files(tmp_path / "log.csv")) == 400


HOURS = 4 * 3600


def test_hours_written_by_a_clock_that_was_behind_are_kept(tmp_path: Path) -> None:
    """The clock says 2024, four hours of rows, then it is set: they must not be two years old."""
    path = tmp_path / "log.csv"
    good = logged(tmp_path, NOON - DAY, 20)
    log = opened(path, keep_days=400, rotate_mb=0.1)
    run_for(log, NOON.replace(year=2024), HOURS)
    run_for(log, NOON + timedelta(seconds=HOURS), HOURS, HOURS)
    log.close()
    wrong = [f for f in csv_files.rotated_files(path) if "-2024" in f.name]
    assert len(wrong) >= 2  # put aside by size while the clock was wrong, and when it was set
    assert all(f.exists() for f in good)
    # Nor by the next process, which has seen no step, a week and a year later.
    for days, kept in ((7, True), (390, True), (450, False)):
        logged(tmp_path, NOON + days * DAY, 8)
        retention.prune(path, 0, 400, NOON + days * DAY)
        assert all(f.exists() is kept for f in wrong), days


def test_a_clock_that_was_behind_until_the_process_ended(tmp_path: Path) -> None:
    """No step is ever seen: the logs that are there already say that the clock is behind."""
    path = tmp_path / "log.csv"
    logged(tmp_path, NOON - DAY, 20)
    log = opened(path, keep_days=400, rotate_mb=0.1)
    run_for(log, NOON.replace(year=2024), HOURS)
    log.close()
    log = opened(path, keep_days=400)
    run_for(log, NOON, HOURS)
    log.close()
    assert len([f for f in csv_files.rotated_files(path) if "-2024" in f.name]) >= 2


@pytest.mark.parametrize("corrected", [True, False], ids=["then set", "never set"])
def test_a_clock_that_is_years_ahead_deletes_no_good_log(tmp_path: Path, corrected: bool) -> None:
    path = tmp_path / "log.csv"
    good = logged(tmp_path, NOON - DAY, 390)
    log = opened(path, keep_days=400)
    ahead = NOON.replace(year=2031)
    for day in range(4):  # four days of it
        run_for(log, ahead + day * DAY, 1200, day * 86_400)
    if corrected:
        run_for(log, NOON + 4 * DAY, HOURS, 4 * 86_400)
    log.close()
    assert all(f.exists() for f in good)


def test_logs_of_a_clock_that_was_ahead_do_not_stay_until_then(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    logged(tmp_path, NOON - DAY, 20)
    log = opened(path, keep_days=400)
    for day in range(3):
        run_for(log, NOON.replace(year=2031) + day * DAY, 1200, day * 86_400)
    run_for(log, NOON + 3 * DAY, 1200, 3 * 86_400)
    log.close()
    wrong = [f for f in csv_files.rotated_files(path) if "-2031" in f.name]
    assert len(wrong) == 3
    for days, kept in ((390, True), (420, False)):
        logged(tmp_path, NOON + days * DAY, 8)
        retention.prune(path, 0, 400, NOON + days * DAY)
        assert all(f.exists() is kept for f in wrong), days


def test_keep_files_takes_a_wrongly_dated_file_for_as_new_as_it_is(tmp_path: Path) -> None:
    old = logged(tmp_path, NOON - DAY, 3)
    wrong = dated(tmp_path, NOON.replace(year=2024), aside=NOON)
    retention.prune(tmp_path / "log.csv", 2, 0, None)
    assert wrong.exists() and [f.exists() for f in old] == [True, False, False]


def test_a_pc_that_was_off_for_long_deletes_after_a_week_of_logs(tmp_path: Path) -> None:
    old = logged(tmp_path, NOON - 500 * DAY, 5)
    for days, kept in ((6, True), (7, False)):
        logged(tmp_path, NOON, days)
        retention.prune(tmp_path / "log.csv", 0, 400, NOON)
        assert all(f.exists() is kept for f in old)


def test_no_thread_left_puts_compression_off_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        log = opened(tmp_path / "log.csv", gzip=True, fsync_s=1.0)
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        for frame in range(0, 200, 10):
            assert put(log, frame, 1) == 1
        put(log, 300, 1, wall=NOON + DAY)
        after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before
    assert caplog.text.count("csv-sync is put off") == caplog.text.count("csv-gzip is put off") == 1
    put(log, 400, 1, wall=NOON + 2 * DAY)
    log._tidying.join(10)
    log.close()
    assert [f.suffix for f in csv_files.rotated_files(tmp_path / "log.csv")] == [".gz", ".gz"]
