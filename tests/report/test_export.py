"""Exports, read back by the libraries that other people read them with."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import numpy as np
import pytest
from praatio import textgrid as praat
from report_engine import opened, report_of
from synthetic_log import random_run, row

from fer_report.export.cli import _files
from fer_report.numbers import as_dict

START = datetime(2026, 3, 2, 23, 59, 50, tzinfo=timezone.utc)
WriteLog = Callable[..., Path]

# Face 1: happy 0-3, sad 3-5, out of view, happy 20-22; face 2: fear 1-3.
EXPECTED = {
    1: [(0.0, 3.0, "happy"), (3.0, 5.0, "sad"), (20.0, 22.0, "happy")],
    2: [(1.0, 3.0, "fear")],
}


def export(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fer_report.cli", "export", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=120, cwd=cwd,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def log(write_log: WriteLog) -> Path:
    rows = [row(START, t, 1, "happy") for t in (0, 1, 2)]
    rows += [row(START, t, 1, "sad") for t in (3, 4)]
    rows += [row(START, t, 1, "happy") for t in (20, 21)]
    rows += [row(START, t, 2, "fear") for t in (1, 2)]
    rows.sort(key=lambda r: (r["frame"], r["face_id"]))
    return write_log(rows)


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def test_elan(log: Path, tmp_path: Path) -> None:
    elan = pytest.importorskip("pympi.Elan")
    done = export(log, "--to", "elan", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = elan.Eaf(str(only(tmp_path / "out", "*.eaf")))
    assert sorted(document.get_tier_names()) == ["face 1", "face 2"]
    for face, intervals in EXPECTED.items():
        found = document.get_annotation_data_for_tier(f"face {face}")
        assert sorted((a / 1000, z / 1000, label) for a, z, label, *_ in found) == intervals


def test_textgrid(log: Path, tmp_path: Path) -> None:
    assert export(log, "--to", "textgrid", "-o", "out", cwd=tmp_path).returncode == 0
    path = str(only(tmp_path / "out", "*.TextGrid"))
    grid = praat.openTextgrid(path, includeEmptyIntervals=False)
    assert tuple(grid.tierNames) == ("face 1", "face 2")
    for face, intervals in EXPECTED.items():
        found = [tuple(e) for e in grid.getTier(f"face {face}").entries]
        assert found == intervals
    assert grid.maxTimestamp == 22.0


def test_bids(log: Path, tmp_path: Path) -> None:
    assert export(log, "--to", "bids", "-o", "out", cwd=tmp_path).returncode == 0
    out = tmp_path / "out"
    lines = only(out, "*_events.tsv").read_text().splitlines()
    table = [line.split("\t") for line in lines]
    sidecar = json.loads(only(out, "*_events.json").read_text())
    assert table[0] == ["onset", "duration", "trial_type", "face_id"] == list(sidecar)
    got = sorted((int(f), float(a), float(a) + float(d), k) for a, d, k, f in table[1:])
    assert got == sorted((f, a, z, k) for f, own in EXPECTED.items() for a, z, k in own)
    physio = json.loads(only(out, "*_physio.json").read_text())
    with gzip.open(only(out, "*_physio.tsv.gz"), "rt") as text:
        values = np.loadtxt(text)
    assert values.shape == (9, len(physio["Columns"])) and physio["SamplingFrequency"] == 1.0
    assert json.loads((out / "dataset_description.json").read_text())["BIDSVersion"]


def test_bids_of_a_subject(log: Path, tmp_path: Path) -> None:
    """Names as the validator of BIDS wants them, below the file that is at the top."""
    for subject in ("01", "02"):
        done = export(log, "--to", "bids", "--subject", subject, "-o", "data", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    files = sorted(p.relative_to(tmp_path / "data").as_posix()
                   for p in (tmp_path / "data").rglob("*") if p.is_file())  # fmt: skip
    assert files[0] == "dataset_description.json" and len(files) == 1 + 2 * 4
    pattern = r"(sub-0[12])/beh/\1_task-kiosk_run-[0-9]+_(events|physio)\.(tsv|tsv\.gz|json)"
    assert all(re.fullmatch(pattern, name) for name in files[1:]), files


def test_bids_of_a_fleet(log: Path, tmp_path: Path) -> None:
    """``fer-collect`` names runs by letters and digits, and a kiosk may have any name."""
    with opened(log) as source:
        con = source.engine.con
        con.execute(
            "COPY (SELECT '3f2a91c07be4' AS run, to_timestamp(utc_ms / 1000.0) AS timestamp, "
            "offset_min AS utc_offset_min, elapsed_s, frame, face_id, emotion, confidence, "
            "COLUMNS('p_.*'), model, 'Eva''s' AS device FROM readings) TO "
            f"'{tmp_path}/fleet.parquet'"
        )
    with opened(tmp_path / "fleet.parquet") as source:
        files = _files(source, "true", "bids")
        own = _files(source, "true", "bids", "01")
    stem = f"sub-01/beh/sub-01_task-kiosk_acq-Evas_run-{int('3f2a91c07be4', 36)}"
    assert {f"{stem}_events.tsv", f"{stem}_physio.json"} < set(own)
    physio = gzip.decompress(files["task-kiosk_run-Eva_s-3f2a91c07be4_physio.tsv.gz"])
    with log.open("rb") as lines:
        assert physio.count(b"\n") == len(lines.readlines()) - 1


def test_parquet_says_what_the_log_says(write_log: WriteLog, tmp_path: Path) -> None:
    rows = [r for d in range(3) for r in random_run(d, START + timedelta(days=d), 40)]
    log = write_log(rows)
    done = export(log, "--to", "parquet", "--device", "hall", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    days = sorted(p.name for p in (tmp_path / "out" / "device=hall").iterdir())
    assert days == sorted({f"day={r['timestamp'][:10]}" for r in rows})
    assert as_dict(report_of(tmp_path / "out")) == as_dict(report_of(log))
    (count, boxes) = duckdb.sql(
        f"SELECT count(*), count(x) FROM read_parquet('{tmp_path}/out/*/*/*.parquet')"
    ).fetchall()[0]
    assert count == boxes == len(rows)
    # Again: a day that is there is replaced, not doubled.
    assert export(log, "--to", "parquet", "--device", "hall", "-o", "out", cwd=tmp_path).stdout
    assert report_of(tmp_path / "out").rows == len(rows)
    assert not list(tmp_path.glob(".*part"))


def test_bad_input_is_one_line(log: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no, it is not")
    (tmp_path / "file").touch()
    for code, word, arguments in (
        (2, "--device", (log, "--to", "parquet")),
        (2, "LOG", ("--to", "elan")),
        (2, "--subject", (log, "--to", "elan", "--subject", "01")),
        (2, "'sub-01'", (log, "--to", "bids", "--subject", "sub-01")),
        (65, "cannot read", ("bad.parquet", "--to", "bids")),
        (65, "none", (log, "--to", "parquet", "--device", "a", "--since", "2030-01-01")),
        (74, "cannot be", (log, "--to", "textgrid", "-o", "file")),
        (74, "cannot be", (log, "--to", "parquet", "--device", "a", "-o", "file")),
    ):
        done = export(*arguments, cwd=tmp_path)
        assert done.returncode == code, (arguments, done.stderr)
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("fer-report export: ") and word in line, line
