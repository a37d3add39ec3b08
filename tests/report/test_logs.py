"""Reading: what a year on a kiosk does to files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from synthetic_log import log_text, random_run, row

from fer_report import blocks
from fer_report.logs import COLUMNS, LABELS, find_logs, read_logs
from fer_report.timestamps import parse_times
from fer_runtime.errors import DataError
from fer_runtime.out.csv.row import COLUMNS as WRITTEN

START = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
WriteLog = Callable[..., Path]


def test_every_column_that_is_read_is_written() -> None:
    assert set(COLUMNS) <= set(WRITTEN)


def test_values_come_through(write_log: WriteLog) -> None:
    rows = random_run(1, START, 30)
    readings, notes, models = read_logs([write_log(rows)])
    assert len(readings) == len(rows) == notes[0].rows
    assert notes[0].bad_rows == 0 and not notes[0].damaged
    assert models == ["fer2013"]
    for i in (0, len(rows) // 2, -1):
        assert readings.elapsed_s[i] == float(rows[i]["elapsed_s"])
        assert readings.face_id[i] == rows[i]["face_id"]
        assert readings.frame[i] == rows[i]["frame"]
        assert LABELS[readings.emotion[i]] == rows[i]["emotion"]
        expected = datetime.fromisoformat(rows[i]["timestamp"]).timestamp() * 1000
        assert readings.utc_ms[i] == round(expected)
        np.testing.assert_allclose(
            readings.probabilities[i], [float(rows[i][f"p_{e}"]) for e in LABELS[:7]]
        )


@pytest.mark.parametrize(
    ("text", "utc", "offset"),
    [
        ("2026-03-02T09:00:00.250+01:00", "2026-03-02T08:00:00.250", 60),
        ("2026-03-02T09:00:00.250-03:30", "2026-03-02T12:30:00.250", -210),
        ("2024-02-29T23:59:59.999+00:00", "2024-02-29T23:59:59.999", 0),
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00.000", 0),
        ("2026-03-02T09:00:00.123456+05:45", "2026-03-02T03:15:00.123", 345),
        ("2026-03-02 09:00:00+01:00", "2026-03-02T08:00:00.000", 60),
    ],
)
def test_times(text: str, utc: str, offset: int) -> None:
    ms, minutes, valid = parse_times(np.asarray([text], object))
    assert valid.all()
    assert np.datetime64(int(ms[0]), "ms") == np.datetime64(utc)
    assert minutes[0] == offset


@pytest.mark.parametrize(
    "text",
    ["", "2026-03-02T09:00:00.250", "2026-13-02T09:00:00.250+01:00", "yesterday", "ñ", "nan"],
)
def test_times_that_are_none(text: str) -> None:
    assert not parse_times(np.asarray([text, "2026-03-02T09:00:00Z"], object))[2][0]


def test_gzip_is_told_by_content(tmp_path: Path) -> None:
    text = log_text(random_run(2, START, 10)).encode()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "renamed.csv").write_bytes(gzip.compress(text))
    (tmp_path / "plain.csv.gz").write_bytes(text)
    counts = [n.rows for n in read_logs([tmp_path])[1]]
    assert len(counts) == 3 and len(set(counts)) == 1 and counts[0] > 0


def test_gzip_that_ends_early_gives_what_is_there(tmp_path: Path) -> None:
    rows = random_run(3, START, 400)
    data = gzip.compress(log_text(rows).encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(data[: len(data) // 2])
    readings, notes, _ = read_logs([path])
    assert notes[0].damaged
    assert len(rows) * 0.3 < len(readings) < len(rows) * 0.7


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"2026-03-02T09:1", b"2026-03-02T09:1\0\0\0\0"])
def test_tail_of_a_power_cut(write_log: WriteLog, tail: bytes) -> None:
    rows = random_run(4, START, 20)
    path = write_log(rows)
    path.write_bytes(path.read_bytes() + tail)
    readings, notes, _ = read_logs([path])
    assert len(readings) == len(rows)
    assert notes[0].bad_rows == int(b"2026" in tail)


def test_whole_row_without_its_newline_counts_as_torn(write_log: WriteLog) -> None:
    """Its last value may be half of what it was."""
    rows = random_run(4, START, 20)
    path = write_log(rows)
    path.write_bytes(path.read_bytes()[:-1])
    readings, notes, _ = read_logs([path])
    assert (len(readings), notes[0].bad_rows) == (len(rows) - 1, 1)


@pytest.mark.parametrize(
    "bad",
    [
        {"emotion": "bored"},
        {"confidence": "nan"},
        {"confidence": "1.5"},
        {"p_sad": "-0.2"},
        {"p_sad": "x"},
        {"elapsed_s": ""},
        {"face_id": "1.5"},
        {"face_id": "9" * 30},
        {"face_id": "9" * 12},
        {"face_id": "-1"},
        {"frame": "-1"},
        {"elapsed_s": "-4.0"},
        {"elapsed_s": "1e300"},
        {"timestamp": "9026-03-02T09:00:00.000+00:00"},
        {"timestamp": "0026-03-02T09:00:00.000+00:00"},
        {"timestamp": "2026-03-02T09:00:00"},
        {"timestamp": ""},
        {"model": ""},
    ],
    ids=str,
)
def test_bad_row_is_dropped_and_counted(write_log: WriteLog, bad: dict[str, str]) -> None:
    rows = [row(START, t, 1) for t in range(10)]
    rows[4] = row(START, 4, 1, **bad)
    readings, notes, _ = read_logs([write_log(rows)])
    assert (len(readings), notes[0].bad_rows) == (9, 1)
    assert 4.0 not in readings.elapsed_s


def test_short_long_and_joined_lines(write_log: WriteLog) -> None:
    lines = log_text([row(START, t, 1) for t in range(5)]).splitlines()
    lines[3:3] = [lines[1][:60], lines[1] + ",7", lines[0], "", "\ufffd,\x01"]
    path = write_log([])
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    readings, notes, _ = read_logs([path])
    assert len(readings) == 5
    assert notes[0].bad_rows == 3  # a second header and an empty line are no rows at all


def test_blocks_do_not_matter(write_log: WriteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_log(random_run(5, START, 60))
    whole = read_logs([path])[0]
    monkeypatch.setattr(blocks, "_BLOCK", 1000)
    parts = read_logs([path])[0]
    np.testing.assert_array_equal(whole.elapsed_s, parts.elapsed_s)
    np.testing.assert_array_equal(whole.utc_ms, parts.utc_ms)


def test_order_and_number_of_columns_are_free(tmp_path: Path) -> None:
    import csv

    rows = random_run(6, START, 5)
    names = [*reversed(WRITTEN), "note"]
    path = tmp_path / "log.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, names, restval="a, b")
        writer.writeheader()
        writer.writerows(rows)
    readings = read_logs([path])[0]
    assert [LABELS[i] for i in readings.emotion] == [r["emotion"] for r in rows]


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "PNG"),
        (b"time;emotion;score\n1;happy;0.5\n", "time;emotion;score"),
        (b"hello", "hello"),
        (b"x" * 5_000_000, "xxxx"),
    ],
)
def test_what_is_no_log(tmp_path: Path, content: bytes, received: str) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected a header with timestamp") as caught:
        read_logs([path])
    assert received in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_files(tmp_path: Path, write_log: WriteLog) -> None:
    (tmp_path / "empty.csv").touch()
    write_log([], "header.csv")
    with pytest.raises(DataError, match="at least one row"):
        read_logs([tmp_path])
    write_log([row(START, 1, 1)])
    assert len(read_logs([tmp_path])[0]) == 1


def test_paths(tmp_path: Path, write_log: WriteLog) -> None:
    log = write_log([row(START, 1, 1)])
    assert find_logs([log, tmp_path, log]) == [log]
    with pytest.raises(DataError, match="does not exist"):
        find_logs([tmp_path / "nowhere"])
    (tmp_path / "sub").mkdir()
    with pytest.raises(DataError, match="received none"):
        find_logs([tmp_path / "sub"])
