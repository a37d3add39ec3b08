"""Reading: what a year on a kiosk does to files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from closed import close
from report_engine import rows_of
from synthetic_log import Row, log_text, random_run, row

from fer_report.data.csv_logs import BOX, NEEDED
from fer_report.data.paths import are_parquet, find_logs
from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS
from fer_runtime.out.csv.row import COLUMNS as WRITTEN

START = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
WriteLog = Callable[..., Path]


def test_every_column_that_is_read_is_written() -> None:
    assert set(NEEDED) <= set(WRITTEN) <= {*NEEDED, *BOX}


LOST = {
    "log-0.csv": b"",
    "log-1.csv": b"\0" * 5000,
    "log-2.csv.gz": gzip.compress(b"timestamp,elapsed_s,frame")[:20],
    "log-3.csv.gz": b"\x1f\x8b\x08",
}


def test_what_a_power_cut_leaves_of_one_file_spares_the_others(
    write_log: WriteLog, tmp_path: Path
) -> None:
    rows = random_run(1, START, 5)
    good = write_log(rows)
    for name, content in LOST.items():
        (tmp_path / name).write_bytes(content)
    readings, notes, _ = rows_of(good, *(tmp_path / name for name in LOST))
    assert len(readings) == len(rows)
    assert [(n.rows, n.bad_rows, n.damaged) for n in notes[1:]] == [
        (0, 0, False), (0, 1, False), (0, 0, True), (0, 0, True)
    ]  # fmt: skip


def test_values_come_through(write_log: WriteLog) -> None:
    rows = random_run(1, START, 30)
    readings, notes, _ = rows_of(write_log(rows))
    assert len(readings) == len(rows) == notes[0].rows
    assert notes[0].bad_rows == 0 and not notes[0].damaged
    for item in rows:
        item["utc_ms"] = round(datetime.fromisoformat(item["timestamp"]).timestamp() * 1000)
    rows.sort(key=lambda item: (item["utc_ms"], item["face_id"]))
    for got, item in zip(readings, rows, strict=True):
        assert got["elapsed_s"] == float(item["elapsed_s"])
        assert (got["face_id"], got["frame"]) == (item["face_id"], item["frame"])
        assert (got["emotion"], got["model"]) == (item["emotion"], "fer2013")
        assert got["utc_ms"] == item["utc_ms"]
        for e in EMOTIONS:
            assert got[f"p_{e}"] == pytest.approx(float(item[f"p_{e}"]))


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
def test_times(write_log: WriteLog, text: str, utc: str, offset: int) -> None:
    (got,), _, _ = rows_of(write_log([row(START, 1, 1, timestamp=text)]))
    assert np.datetime64(got["utc_ms"], "ms") == np.datetime64(utc)
    assert got["offset_min"] == offset


@pytest.mark.parametrize(
    "text",
    ["", "2026-03-02T09:00:00.250", "2026-13-02T09:00:00.250+01:00", "yesterday", "ñ", "nan",
     "2026-03-02T09:00:00+0x:00", "2026-03-02"],
)  # fmt: skip
def test_times_that_are_none(write_log: WriteLog, text: str) -> None:
    rows = [row(START, 0, 1), row(START, 1, 1, timestamp=text), row(START, 2, 1)]
    readings, notes, _ = rows_of(write_log(rows))
    assert [r["elapsed_s"] for r in readings] == [0.0, 2.0]
    assert notes[0].bad_rows == 1


def test_gzip_is_told_by_content(tmp_path: Path) -> None:
    text = log_text(random_run(2, START, 10)).encode()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "renamed.csv").write_bytes(gzip.compress(text))
    (tmp_path / "plain.csv.gz").write_bytes(text)
    counts = [n.rows for n in rows_of(tmp_path)[1]]
    assert len(counts) == 3 and len(set(counts)) == 1 and counts[0] > 0


def test_gzip_that_ends_early_gives_what_is_there(tmp_path: Path) -> None:
    rows = random_run(3, START, 400)
    data = gzip.compress(log_text(rows).encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(data[: len(data) // 2])
    readings, notes, _ = rows_of(path)
    assert notes[0].damaged
    assert len(rows) * 0.3 < len(readings) < len(rows) * 0.7


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"2026-03-02T09:1", b"2026-03-02T09:1\0\0\0\0"])
def test_tail_of_a_power_cut(write_log: WriteLog, tail: bytes) -> None:
    rows = random_run(4, START, 20)
    path = write_log(rows)
    path.write_bytes(path.read_bytes() + tail)
    readings, notes, _ = rows_of(path)
    assert len(readings) == len(rows)
    assert notes[0].bad_rows == int(b"2026" in tail)


def test_whole_row_without_its_newline_counts_as_torn(write_log: WriteLog) -> None:
    """Its last value may be half of what it was."""
    rows = random_run(4, START, 20)
    path = write_log(rows)
    path.write_bytes(path.read_bytes()[:-1])
    readings, notes, _ = rows_of(path)
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
    readings, notes, _ = rows_of(write_log(rows))
    assert (len(readings), notes[0].bad_rows) == (9, 1)
    assert 4.0 not in [r["elapsed_s"] for r in readings]


def test_short_long_and_joined_lines(write_log: WriteLog) -> None:
    lines = log_text([row(START, t, 1) for t in range(5)]).splitlines()
    lines[3:3] = [lines[1][:60], lines[1] + ",7", lines[0], "", "\ufffd,\x01"]
    path = write_log([])
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    readings, notes, _ = rows_of(path)
    assert len(readings) == 5
    assert notes[0].bad_rows == 3  # a second header and an empty line are no rows at all


@pytest.mark.parametrize("model", ['a "b" c, d', "plain"])
def test_a_quote_without_its_end_costs_one_row(write_log: WriteLog, model: str) -> None:
    rows: list[Row] = [row(START, t, 1, model=model) for t in range(50)]
    path = write_log(rows)
    lines = path.read_text().splitlines()
    lines.insert(10, '"' + lines[5])
    path.write_text("\n".join(lines) + "\n")
    readings, notes, _ = rows_of(path)
    assert (len(readings), notes[0].bad_rows) == (50, 1)
    assert {r["model"] for r in readings} == {model}


def test_bytes_that_are_no_text_cost_one_row(write_log: WriteLog) -> None:
    path = write_log([row(START, t, 1) for t in range(9)])
    lines = path.read_bytes().splitlines()
    lines.insert(4, lines[3].replace(b"happy", b"ha\xff\xfey"))
    path.write_bytes(b"\n".join(lines) + b"\n")
    readings, notes, _ = rows_of(path)
    assert (len(readings), notes[0].bad_rows) == (9, 1)


def test_logs_with_and_without_the_newest_column(write_log: WriteLog) -> None:
    """A log of before and one of after an update, mixed in one folder."""
    old = [row(START, t, 1) for t in range(5)]
    path = write_log(old, "old.csv")
    text = log_text([row(START, t, 1) for t in range(5, 9)]).splitlines()
    text = [text[0] + ",valence", *(line + ",-0.2500" for line in text[1:])]
    path.with_name("new.csv").write_text("\n".join(text) + "\n")
    readings, notes, _ = rows_of(path.parent)
    assert len(readings) == 9 and not any(n.bad_rows for n in notes)
    assert len({r["run"] for r in readings}) == 1


def test_order_and_number_of_columns_are_free(tmp_path: Path) -> None:
    import csv

    rows = random_run(6, START, 5)
    names = [*reversed(WRITTEN), "note"]
    path = tmp_path / "log.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, names, restval="a, b")
        writer.writeheader()
        writer.writerows(rows)
    readings = rows_of(path)[0]
    key = ("elapsed_s", "face_id", "emotion")
    got = sorted(tuple(str(r[k]) for k in key) for r in readings)
    want = sorted((str(float(r["elapsed_s"])), str(r["face_id"]), r["emotion"]) for r in rows)
    assert got == want


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
        rows_of(path)
    assert received in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_files(tmp_path: Path, write_log: WriteLog) -> None:
    (tmp_path / "empty.csv").touch()
    write_log([], "header.csv")
    with pytest.raises(DataError, match="at least one row"):
        rows_of(tmp_path)
    write_log([row(START, 1, 1)])
    assert len(rows_of(tmp_path)[0]) == 1


def test_paths(tmp_path: Path, write_log: WriteLog) -> None:
    log = write_log([row(START, 1, 1)])
    assert find_logs([log, tmp_path, log]) == [log]
    with pytest.raises(DataError, match="does not exist"):
        find_logs([tmp_path / "nowhere"])
    (tmp_path / "sub").mkdir()
    with pytest.raises(DataError, match="received none"):
        find_logs([tmp_path / "sub"])


def test_parquet_beside_csv_is_refused(tmp_path: Path, write_log: WriteLog) -> None:
    assert not are_parquet([write_log([])])
    assert are_parquet([tmp_path / "a.parquet"])
    with pytest.raises(DataError, match="one format"):
        are_parquet([tmp_path / "a.parquet", tmp_path / "log.csv"])


def test_logs_out_of_reach_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, tmp_path)
    with pytest.raises(DataError, match="cannot be read: Permission denied; ask for membership"):
        find_logs([tmp_path / "log.csv"])
