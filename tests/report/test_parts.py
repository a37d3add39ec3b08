"""Parquet that is counted in parts says what it says as a whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from report_engine import opened, report_of
from synthetic_log import random_run

from fer_report.data.parts import Part, cut, quoted
from fer_report.numbers import as_dict

START = datetime(2026, 3, 2, 22, tzinfo=timezone.utc)
"""Runs go on past midnight, so a run is in two files."""


def test_runs_stay_whole_and_files_are_named_once() -> None:
    counts = [("1", "a", 7, 30), ("2", "a", 7, 30), ("2", "a", 9, 30), ("3", "o'b", 8, 40),
              ("4", "o'b", 9, 90)]  # fmt: skip
    assert cut(counts, 100) == [
        Part(["1", "2"], "device = 'a' AND run BETWEEN 7 AND 9"),
        Part(["3"], "device = 'o''b' AND run BETWEEN 8 AND 8"),
        Part(["4"], "device = 'o''b' AND run BETWEEN 9 AND 9"),
    ]
    (one,) = cut(counts, 1000)
    assert one.files == ["1", "2", "3", "4"]
    assert one.condition == (
        "(device > 'a' OR (device = 'a' AND run >= 7)) AND "
        "(device < 'o''b' OR (device = 'o''b' AND run <= 9))"
    )
    assert len(cut(counts, 10)) == 4
    (texts,) = cut([("1", "a", "9f", 1), ("1", "a", "c'", 1)], 9)
    assert texts.condition == "device = 'a' AND run BETWEEN '9f' AND " + quoted("c'")


@pytest.mark.parametrize("rows", [1, 900, 2500])
def test_parts_add_up(
    write_log: Callable[..., Path], tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, device in enumerate(("hall", "o'shop")):
        days = range(number * 10, number * 10 + 3)
        log = write_log([r for d in days for r in random_run(d, START + timedelta(days=d), 60)])
        subprocess.run(
            [sys.executable, "-m", "fer_report.cli", "export", str(log), "--to", "parquet",
             "--device", device, "-o", str(tmp_path / "out")],
            check=True, timeout=120,
        )  # fmt: skip
    whole = as_dict(report_of(tmp_path / "out"))
    monkeypatch.setattr("fer_report.data.engine.PART_ROWS", rows)
    with opened(tmp_path / "out") as source:
        assert len(source.engine.parts) > 1
    parts = as_dict(report_of(tmp_path / "out"))
    assert whole["runs"] == 6 and whole["transitions"]["happy"]["sad"] > 0
    assert parts == whole
