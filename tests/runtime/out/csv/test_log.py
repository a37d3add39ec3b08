"""The CSV log: its rows, its opening, and what people do to its file."""

from __future__ import annotations

import csv
import os
import stat
import threading
from pathlib import Path

import pytest
from csv_logs import frames, good_row, opened, put, rows, settings
from readings import NOON, in_frame, reading

from fer_runtime.errors import DataError, OutputError
from fer_runtime.out.csv import files as csv_files
from fer_runtime.out.csv.log import CsvLog
from fer_runtime.out.csv.row import COLUMNS, HEADER, READINGS, format_row
from fer_runtime.settings.schema import Settings

# -- rows --------------------------------------------------------------------------------


def test_a_row_has_the_columns_and_values_of_its_reading(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv")
    assert put(log, 3, 7) == 1
    log.close()
    (row,) = rows(tmp_path / "log.csv")
    assert tuple(row) == COLUMNS
    assert row["timestamp"] == "2026-11-22T12:00:00.550+01:00"
    assert (row["elapsed_s"], row["frame"], row["face_id"]) == ("0.300", "3", "7")
    assert (row["emotion"], row["confidence"], row["p_happy"]) == ("happy", "0.6123", "0.7000")
    assert (row["x"], row["y"], row["w"], row["h"]) == ("13", "20", "110", "120")
    assert (row["detection_score"], row["model"]) == ("0.938", "ferplus")
    # 0.6 happy less 0.1 angry, 0.05 fear and 0.03 sad, of the smoothed probabilities.
    assert (COLUMNS[-1], row["valence"]) == ("valence", "0.4200")


def test_awkward_model_names_stay_one_whole_row() -> None:
    line = format_row(reading(model='my, "best"\nmodel é'), NOON, 0.0)
    assert line.count(b"\n") == 1 and READINGS.is_whole(line[:-1])
    assert next(csv.reader([line.decode()]))[-2] == 'my, "best" model é'


def test_a_model_name_with_a_nul_does_not_have_every_row_cut(tmp_path: Path) -> None:
    for frame in range(2):
        log = opened(tmp_path / "log.csv")
        log.write(in_frame([reading(frame, model="a\0b")], 1000.0 + frame))
        log.close()
    assert [row["model"] for row in rows(tmp_path / "log.csv")] == ["a b", "a b"]


def test_a_tick_gives_the_newest_reading_of_each_face(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv", interval_s=1.0)
    for frame in range(10):  # the first second; face 2 leaves in the middle of it
        assert put(log, frame, *([1, 2] if frame < 5 else [1])) == 0
    assert put(log, 10, 1) == 2
    log.close()
    assert [(r["frame"], r["face_id"]) for r in rows(tmp_path / "log.csv")] == [
        ("4", "2"), ("9", "1"), ("10", "1"),
    ]  # fmt: skip
    assert log.rows == 3


def test_interval_0_writes_every_frame_at_once(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv")
    for frame in range(5):
        assert put(log, frame, 1, 2) == 2
        assert len(rows(tmp_path / "log.csv")) == 2 * (frame + 1)
    log.close()


def test_flush_writes_the_open_tick_when_frames_stop(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv", interval_s=10.0)
    put(log, 0, 1)
    log.flush()
    log.flush()
    assert log.rows == 1
    assert frames(tmp_path / "log.csv") == [0]
    log.close()


def test_a_clock_of_frames_that_steps_back_breaks_no_tick(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv", interval_s=1.0)
    for now in (100.0, 100.5, 3.0, 3.5, 4.2):
        log.write(in_frame([reading(int(now * 10))], now))
    log.close()
    assert frames(tmp_path / "log.csv") == [1005, 35, 42]


def test_reload_changes_the_interval_and_loses_nothing(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv", interval_s=60.0)
    put(log, 0, 1)
    log.reload(Settings(csv=settings(tmp_path / "log.csv", interval_s=0.0)))
    put(log, 1, 1)
    log.close()
    assert frames(tmp_path / "log.csv") == [0, 1]


def test_writing_after_close_is_nothing(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv")
    log.close()
    log.close()
    assert put(log, 0, 1) == 0
    log.flush()
    assert log.rows == 0


def test_writers_from_several_threads_tear_no_row(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv", rotate_mb=0.02)
    threads = [
        threading.Thread(target=lambda f=f: [put(log, n, f) for n in range(200)]) for f in (1, 2, 3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    files = [*csv_files.rotated_files(tmp_path / "log.csv"), tmp_path / "log.csv"]
    assert sum(len(rows(file)) for file in files) == log.rows == 600


# -- opening -----------------------------------------------------------------------------


def test_the_header_is_written_once(tmp_path: Path) -> None:
    for frame in (0, 1):
        log = opened(tmp_path / "log.csv")
        put(log, frame, 1)
        log.close()
    assert frames(tmp_path / "log.csv") == [0, 1]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_others_cannot_read_the_log(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv")
    log.close()
    assert stat.S_IMODE((tmp_path / "log.csv").stat().st_mode) & 0o007 == 0


@pytest.mark.parametrize(
    "content",
    [b"name,age\nAda,36\n", b"hello", b"timestamp,elapsed_s\n", HEADER.replace(b"\n", b"\r\n")],
)
def test_another_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"expected a log that begins with timestamp.*--csv"):
        CsvLog(settings(path)).open()
    assert path.read_bytes() == content
    # Nothing holds the lock after a refusal.
    path.unlink()
    opened(path).close()


@pytest.mark.parametrize(
    ("tail", "kept"),
    [
        (b"", 2),
        (good_row(2)[:-1], 2),
        (good_row(2)[:40], 2),
        (b"2", 2),
        (b"\0" * 5000, 2),
        (good_row(2)[:40] + b"\0" * 300_000, 2),
        (good_row(2) + b"\0" * 10, 3),
        (b"\0\0\0,1,2\n", 2),
        (good_row(2)[:50] + b"\n", 2),
        (b"x" * 20_000, 2),
        (b'"open quote\n', 2),
        (b"\xff\xfe\n\xff\n", 2),
    ],
    ids=["whole", "no newline", "torn", "one byte", "nul", "torn nul", "row nul", "nul row",
         "short row", "long", "quote", "bytes"],
)  # fmt: skip
def test_a_torn_tail_is_repaired(tmp_path: Path, tail: bytes, kept: int) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(HEADER + good_row(0) + good_row(1) + tail)
    log = opened(path)
    put(log, 9, 1)
    log.close()
    assert frames(path) == [*range(kept), 9]


@pytest.mark.parametrize("content", [b"", HEADER[:50], HEADER[:-1], b"\0" * 700_000,
                                     HEADER[:9] + b"\0" * 30, HEADER + b"\0" * 9])  # fmt: skip
def test_a_torn_header_is_written_again(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    log = opened(path)
    put(log, 0, 1)
    log.close()
    assert frames(path) == [0]


def test_a_missing_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"does not exist; mkdir -p .*none"):
        CsvLog(settings(tmp_path / "none" / "log.csv")).open()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that takes no file")
def test_a_folder_that_takes_no_file_is_not_taken_for_a_lock() -> None:
    with pytest.raises(OutputError, match=r"log\.csv: cannot be written"):
        CsvLog(settings(Path("/proc/log.csv"))).open()


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(OutputError, match="received a folder"):
        CsvLog(settings(tmp_path / "log.csv")).open()


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_pipe_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.csv")
    with pytest.raises(OutputError, match="expected a file"):
        CsvLog(settings(tmp_path / "log.csv")).open()


def test_two_processes_never_share_a_file(tmp_path: Path) -> None:
    log = opened(tmp_path / "log.csv")
    with pytest.raises(OutputError, match=r"lock .*log\.csv\.lock.*systemctl stop fer-runtime"):
        CsvLog(settings(tmp_path / "log.csv")).open()
    log.close()
    opened(tmp_path / "log.csv").close()


# -- the file changes beneath the log ----------------------------------------------------


def test_a_deleted_file_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = opened(path)
    put(log, 0, 1)
    path.unlink()
    assert put(log, 1, 1) == 1
    log.close()
    assert frames(path) == [1]


def test_a_moved_file_keeps_its_rows_and_another_begins(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = opened(path)
    put(log, 0, 1)
    path.rename(tmp_path / "mine.csv")
    assert put(log, 1, 1) == 1
    log.close()
    assert frames(tmp_path / "mine.csv") == [0] and frames(path) == [1]


def test_a_file_emptied_by_another_program_gets_its_header_again(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = opened(path)
    put(log, 0, 1)
    os.truncate(path, 0)
    put(log, 1, 1)
    os.truncate(path, len(HEADER) + 20)
    put(log, 2, 1)
    log.close()
    assert frames(path) == [2]


def test_a_foreign_file_put_in_place_is_not_touched(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.csv"
    log = opened(path)
    path.unlink()
    path.write_text("a,b\n")
    assert [put(log, n, 1) for n in range(30)] == [0] * 30
    assert path.read_text() == "a,b\n"
    path.unlink()
    assert put(log, 100, 1) == 1
    log.close()
    assert (log.rows, log.dropped) == (1, 30)
    assert len(caplog.records) == 2
