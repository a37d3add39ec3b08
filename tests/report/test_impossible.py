"""Parquet of other programs with values that no log has: one line that names them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest
from report_engine import opened
from synthetic_log import random_run

from fer_report.data.csv_logs import LABELS
from fer_report.data.engine import DuckEngine
from fer_report.data.records import load
from fer_report.export.cli import command
from fer_report.job import count
from fer_report.records import as_dict, summarise
from fer_runtime.errors import DataError

SOME = "CASE WHEN frame % 2 = 0 THEN {} ELSE {} END"


@pytest.fixture
def parquet(write_log: Callable[..., Path], tmp_path: Path) -> Path:
    log = write_log(random_run(1, datetime(2026, 3, 2, 9, tzinfo=timezone.utc), 20))
    out = tmp_path / "good"
    command.main(
        [str(log), "--to", "parquet", "--device", "hall", "-o", str(out)], standalone_mode=False
    )
    (path,) = out.rglob("*.parquet")
    return path


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("emotion", "'joy'", r"expected emotion one of angry, .*, received joy in \d+ rows"),
        ("emotion", "''", r"received an empty text"),
        ("emotion", "NULL", r"received nothing"),
        ("timestamp", "TIMESTAMPTZ '9999-12-31 00:00:00+00'",
         r"expected timestamp from 1970 to 2100, received 9999-12-31T00:00:00"),
        ("utc_offset_min", "NULL", r"expected utc_offset_min -1439 to 1439, received nothing"),
        ("utc_offset_min", "30000", r"received 30000"),
        ("elapsed_s", "'nan'::DOUBLE", r"expected elapsed_s 0 or more, received nan"),
        ("elapsed_s", "1e300", r"expected elapsed_s 0 or more, received 1e\+300"),
        ("run", "NULL", r"expected run a name or number, received nothing"),
        ("confidence", "'nan'::FLOAT", r"expected confidence 0 to 1, received nan"),
        ("confidence", "5.0::FLOAT", r"expected confidence 0 to 1, received 5"),
        ("p_happy", "NULL::FLOAT", r"expected p_happy 0 to 1, received nothing in 381 rows"),
        ("p_happy", "'nan'::FLOAT", r"expected p_happy 0 to 1, received nan"),
        ("timestamp", "'noon'", r"expected times in timestamp, received VARCHAR"),
        ("frame", "'first'", r"expected numbers in frame, received VARCHAR"),
    ],
)  # fmt: skip
def test_what_no_log_has_is_named(
    parquet: Path, tmp_path: Path, column: str, value: str, words: str
) -> None:
    foreign = tmp_path / "foreign.parquet"
    other = f"{column}::VARCHAR" if "VARCHAR" in words else column
    some = SOME.format(value, other)
    # Offsets show where the report ends; of runs that have no name some rows are left out.
    shown = value if value == "30000" or "381" in words or column == "run" else some
    duckdb.sql(
        f"COPY (SELECT * REPLACE ({shown} AS {column}) FROM read_parquet('{parquet}')) "
        f"TO '{foreign}' (FORMAT parquet)"
    )
    with pytest.raises(DataError, match=words), opened(foreign) as source:
        count(source, None, None, 900.0)


def test_minutes_of_an_archive_may_lack_what_their_kiosk_did_not_know(
    tmp_path: Path,
) -> None:
    labels = ", ".join(f"NULL::DOUBLE AS s_{label}" for label in LABELS)
    duckdb.sql(
        "COPY (SELECT 'hall' AS device, 'r' AS run, TIMESTAMPTZ '2026-03-02 09:00:00+00' AS minute,"
        " 60::SMALLINT AS utc_offset_min, 60.0 AS seconds_watched, 0.0 AS seconds_away,"
        " NULL::BIGINT AS people_max, NULL::BIGINT AS visits_begun, NULL::BIGINT AS visits_ended,"
        f" NULL::DOUBLE AS face_seconds, {labels}, NULL::DOUBLE AS valence)"
        f" TO '{tmp_path / 'minutes.parquet'}' (FORMAT parquet)"
    )
    engine = DuckEngine(tmp_path)
    load(engine, "minutes", [tmp_path / "minutes.parquet"], tmp_path)
    summary = summarise(engine, "minutes", "true")
    assert summary is not None and (summary.visits, summary.people_max) == (0, 0)
    values = as_dict(summary)
    assert values["face_seconds"] == 0.0 and values["seconds_watched"] == 60.0
    engine.close()
