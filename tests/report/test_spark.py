"""The same queries on Spark: ``make test-spark``, which brings Spark and needs a Java."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from report_engine import report_of
from synthetic_log import random_run

from fer_report.numbers import as_dict

pytestmark = [
    pytest.mark.skipif("FER_TEST_SPARK" not in os.environ, reason="make test-spark runs it"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(900),
]
START = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)


def test_spark_says_what_duckdb_says(write_log: Callable[..., Path], tmp_path: Path) -> None:
    for number, device in enumerate(("hall", "shop")):
        days = range(number * 10, number * 10 + 3)
        rows = [r for d in days for r in random_run(d, START + timedelta(days=d), 40)]
        subprocess.run(
            [sys.executable, "-m", "fer_report.cli", "export", str(write_log(rows)), "--to",
             "parquet", "--device", device, "-o", str(tmp_path / "out")],
            check=True, timeout=120,
        )  # fmt: skip
    master = os.environ.get("FER_SPARK_MASTER", "local[2]")
    spark = as_dict(report_of(tmp_path / "out", url=f"pyspark://{master}"))
    duck = as_dict(report_of(tmp_path / "out"))
    assert spark["rows"] > 1000 and spark["runs"] == 6
    for key, value in duck.items():
        assert spark[key] == value, key
