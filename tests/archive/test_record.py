"""What a collector takes from a broker on which anybody may publish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="extra collect is not installed")

import readings
from archive_records import SEVEN, minute, reading, stored, visit

from fer_archive.parquet import write_parquet
from fer_archive.record import record_of
from fer_archive.spool import Spool
from fer_runtime.out.mqtt.messages import encode, reading_record
from fer_runtime.out.ticks import Due

NOON = "2026-11-24T12:00:00.000+01:00"


def archived(folder: Path, *messages: tuple[str, bytes]) -> int:
    """Take messages as a collector does, restart, and write Parquet; return the records."""
    spool = Spool(folder / ".spool-a")
    spool.open()
    records = ((kind, record_of(kind, payload)) for kind, payload in messages)
    spool.add([(kind, record) for kind, record in records if record])
    spool.close()
    left = Spool(folder / ".spool-a").open()
    return sum(write_parquet(path, folder, f"a-{path.stem}") for path in left)


def sent(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "yesterday"},
        {"timestamp": None},
        {"timestamp": "2026-02-30T12:00:00.000+01:00"},
        {"timestamp": "2026-11-24T12:00:00.000"},
        {"number": "1"},
        {"number": True},
        {"device": 7},
        {"device": "d" * 300},
        {"run": "r" * 1001},
        {"frame": 10**30},
        {"elapsed_s": "long"},
        # What DuckDB takes and a report on the archive does not.
        {"elapsed_s": 1e300},
        {"timestamp": "9999-12-31T23:59:58.123+01:00"},
        {"timestamp": "0001-01-01T00:00:00.000+00:00"},
        {"emotion": "joy"},
        {"emotion": None},
        {"confidence": float("nan")},
        {"confidence": 1e9},
        {"elapsed_s": -1.0},
        {"face_id": -1},
        {"valence": -1.5},
        {"probabilities": SEVEN | {"happy": 1.5}},
        {"probabilities": SEVEN | {"happy": None}},
        {"probabilities": None},
        {"emotion": "\ud800"},
        {"probabilities": "all"},
        {"probabilities": {"happy": "much"}},
        {"box": {"x": 1}},
        {"model": "m" * 100_000},
    ],
    ids=lambda change: f"{next(iter(change.items()))!r:.40}",
)
def test_a_message_that_is_no_record_keeps_no_other_from_the_archive(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    bad = sent({**reading(1), **change})
    assert archived(tmp_path, ("reading", bad), ("reading", sent(reading(2)))) == 1
    assert stored(tmp_path, "reading", "number") == [(2,)]


@pytest.mark.parametrize("payload", [b"[" * 50_000, b"", b"[]", b'"x"', b"\xff\xfe", b"7"])
def test_what_is_no_object_is_no_record(payload: bytes) -> None:
    assert record_of("reading", payload) is None


def test_fields_that_are_not_ours_are_left_out(tmp_path: Path) -> None:
    odd = {**reading(1), "kind": "evil", "more": [[[1]]]}
    assert archived(tmp_path, ("reading", sent(odd))) == 1
    assert record_of("reading", sent(odd)) == record_of("reading", sent(reading(1)))


def test_each_kind_of_record_passes_as_it_is(tmp_path: Path) -> None:
    messages = [("reading", reading(1)), ("visit", visit("end", NOON)), ("minute", minute(NOON))]
    for kind, record in messages:
        kept = record_of(kind, sent(record))
        assert kept is not None
        assert kept == {name: record[name] for name in kept}
    assert archived(tmp_path, *((kind, sent(record)) for kind, record in messages)) == 3


def test_a_kiosk_sends_every_field_of_a_reading_that_is_kept() -> None:
    due = Due(readings.reading(), readings.NOON, 1.5)
    kept = record_of("reading", encode("hall", reading_record(due, "r1", 1)))
    assert kept is not None and None not in kept.values(), kept
    assert kept["valence"] == 0.42


def test_a_field_that_is_not_there_is_unknown_and_no_reason_to_drop_the_rest() -> None:
    old = reading(1)
    del old["valence"]
    kept = record_of("reading", sent(old))
    assert kept is not None and kept["valence"] is None
