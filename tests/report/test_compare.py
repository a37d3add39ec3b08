"""Two periods or two kiosks on one page, and the page as PDF."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from synthetic_log import log_text, row

START = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)


def fer_report(*arguments: object, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "fer_report.cli", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=200, cwd=cwd,
        stdin=subprocess.DEVNULL, env={**os.environ, **({"PATH": path} if path else {})},
    )  # fmt: skip


@pytest.fixture
def kiosks(tmp_path: Path) -> Path:
    """Two folders: hall shows happy for two days, shop sad for one."""
    for name, emotion, days in (("hall", "happy", 2), ("shop", "sad", 1)):
        (tmp_path / name).mkdir()
        rows = [row(START + timedelta(days=d), t, 1, emotion) for d in range(days)
                for t in range(30)]  # fmt: skip
        (tmp_path / name / "log.csv").write_text(log_text(rows))
    return tmp_path


def test_two_kiosks(kiosks: Path) -> None:
    done = fer_report("hall", "shop", "--compare", "hall", "shop", "--json", cwd=kiosks)
    assert done.returncode == 0, done.stderr
    sides = json.loads(done.stdout)["compare"]
    assert (sides["hall"]["rows"], sides["shop"]["rows"]) == (60, 30)
    assert sides["hall"]["share"]["happy"] == sides["shop"]["share"]["sad"] == 1.0


def test_two_periods_on_a_page(kiosks: Path) -> None:
    periods = ("2026-03-02/2026-03-03", "2026-03-03/2026-03-04")
    done = fer_report("hall", "--compare", *periods, "-o", "out", cwd=kiosks)
    assert done.returncode == 0, done.stderr
    page = (kiosks / "out" / "index.html").read_text()
    assert page.count("<h3>") == 12 and all(p in page for p in periods)
    assert len(list((kiosks / "out").glob("[ab]-*.svg"))) == 12
    assert page.count('<svg class="only"') == 10 and "script" not in page.split("<body>")[1]


def test_bad_input_is_one_line(kiosks: Path) -> None:
    for code, word, arguments in (
        (65, "'shop'", ("hall", "shop", "--compare", "hall", "attic")),
        (2, "period", ("hall", "--compare", "2026-03-05/2026-03-01", "x")),
        (65, "2026-03-02", ("hall", "--compare", "2025-01-01/2025-02-01", "2026-03-02/2026-03-03")),
        (2, "-o", ("hall", "--json", "--pdf")),
        (2, "Parquet", ("hall", "--engine", "pyspark://local[2]")),
    ):
        done = fer_report(*arguments, cwd=kiosks)
        assert done.returncode == code, (arguments, done.stderr)
        (line,) = done.stderr.splitlines()
        assert word in line, line


def test_pdf_without_a_browser_is_one_line(kiosks: Path) -> None:
    done = fer_report("hall", "--pdf", cwd=kiosks, path="/nowhere")
    assert done.returncode == 78 and done.stderr.count("\n") == 1
    assert "chromium" in done.stderr and not (kiosks / "report").exists()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium to print with")
def test_pdf(kiosks: Path) -> None:
    done = fer_report("hall", "--pdf", cwd=kiosks)
    assert done.returncode == 0, done.stderr
    data = (kiosks / "report" / "report.pdf").read_bytes()
    assert data.startswith(b"%PDF") and len(data) > 20_000
