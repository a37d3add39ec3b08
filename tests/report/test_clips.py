"""The results of ``fer-batch`` as ``fer-report`` reads them."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from report_engine import opened, report_of
from synthetic_log import log_text, row

from fer_report.data.clips import clip_of
from fer_report.data.paths import find_logs

# Copied together: their files, and so their rows, have the same times.
BEGAN = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
INDEX = "file,sha256,duration_s,frames,faces,face_s,error\na/day.mp4,00,5.0,75,1,5.0,\n"


@pytest.fixture(params=["index", "records"])
def batch(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Two clips of five and three seconds; whole, or interrupted before there is an index."""
    folder = tmp_path / "out"
    for name, emotion, seconds in (("a/day.mp4", "happy", 5), ("night.mp4", "sad", 3)):
        text = log_text([row(BEGAN, float(s), 1, emotion) for s in range(seconds)])
        path = folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.with_name(f"{path.stem}.frames.csv").write_text("frame,elapsed_s,success\n0,0.0,0\n")
    if request.param == "index":
        (folder / "index.csv").write_text(INDEX)
    else:
        (folder / ".done").mkdir()
        (folder / ".done" / f"{'0a' * 12}.json").write_text("{}")
    return folder


def test_a_folder_of_clips_is_read_without_its_index_and_frames(batch: Path) -> None:
    assert find_logs([batch]) == [batch / "a/day.mp4.csv", batch / "night.mp4.csv"]
    assert find_logs([batch / "a"]) == [batch / "a/day.mp4.csv"]
    assert [clip_of(p) for p in find_logs([batch])] == ["a/day.mp4", "night.mp4"]
    assert clip_of(batch / "night.mp4.visits.csv") == "night.mp4"
    assert clip_of(batch.parent / "log.csv") == ""


def test_clips_of_the_same_time_are_not_one_run(batch: Path) -> None:
    report = report_of(batch)
    assert (report.rows, report.runs, report.faces) == (8, 2, 2)
    assert sorted(report.dwell_s) == [3.0, 5.0]
    with opened(*find_logs([batch])) as source:
        assert source.duplicates == 0


def test_exports_keep_clips_apart(batch: Path) -> None:
    def export(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "fer_report.cli", "export", "out", *arguments],
            cwd=batch.parent, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        return done.stdout

    assert export("--to", "textgrid", "-o", "praat") == "praat: 2 files\n"
    names = sorted(p.name for p in (batch.parent / "praat").iterdir())
    began = int(BEGAN.timestamp())
    assert names == [f"a_day_mp4-{began}.TextGrid", f"night_mp4-{began}.TextGrid"]
    assert export("--to", "parquet", "--device", "lab", "-o", "lab") == "lab: 8 rows\n"
    assert report_of(batch.parent / "lab").runs == 2


def test_a_kiosks_folder_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / ".done").mkdir()
    rows = [row(BEGAN, 1.0, 1)], [row(BEGAN + timedelta(days=1), 1.0, 1)]
    for name, own in zip(("index.csv", "log.csv"), rows, strict=True):
        (tmp_path / name).write_text(log_text(own))
    assert len(find_logs([tmp_path])) == 2 and report_of(tmp_path).rows == 2
    assert clip_of(tmp_path / "log.csv") == ""
