"""Readings, visits and minutes of one run: three reports that agree."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from readings import in_frame, reading

from fer_report.cli import main
from fer_runtime.errors import DataError
from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.out.csv.row import MINUTES, VISITS
from fer_runtime.out.sinks import Sinks, make_sinks
from fer_runtime.settings.out import CsvSettings
from fer_runtime.settings.schema import Settings

NAMES = ("log", "visits", "minutes")
START = datetime(2026, 3, 2, 9, 58, 30, tzinfo=timezone(timedelta(hours=1)))
STEP_S = 0.25


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the daemon writes of 20 minutes with 40 faces, of which the camera is away for 60 s."""
    folder = tmp_path_factory.mktemp("run")
    paths = {n: str(folder / f"{n}.csv") for n in NAMES}
    csv = CsvSettings(path=paths["log"], visits=paths["visits"], minutes=paths["minutes"],
                      interval_s=0.0)  # fmt: skip
    sinks = Sinks(Settings(csv=csv))
    sinks.add(make_sinks(Settings(csv=csv), sinks.run))
    sinks.open()
    rng = np.random.default_rng(4)
    stays = [(b, b + rng.uniform(60, 120), face) for face, b in enumerate(
        np.sort(rng.uniform(0, 1000, 40)), 1)]  # fmt: skip
    for frame in range(round(1200 / STEP_S)):
        now = frame * STEP_S
        wall = START + timedelta(seconds=now)
        if 1130 <= now < 1190:
            if now == 1130:
                sinks.state("retrying", 1000 + now, wall)
            continue
        faces = []
        for begin, end, face in stays:
            if begin <= now < end:
                label = (*EMOTIONS, UNCERTAIN)[int(now // 7 + face) % 8]
                faces.append(reading(frame, face, emotion=label))
        sinks.write(in_frame(faces, 1000 + now, wall, now))
    sinks.end(START + timedelta(seconds=1200))
    sinks.close()
    return folder


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[dict[str, Any], str]:
    with pytest.raises(SystemExit) as end:
        main([*map(str, arguments), "--json"])
    said = capsys.readouterr()
    assert end.value.code == 0, said.err
    return json.loads(said.out), said.err


def test_three_kinds_of_one_run_agree(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, visits, minutes = (report(capsys, run / f"{n}.csv")[0] for n in NAMES)
    assert [r["kind"] for r in (log, visits, minutes)] == ["readings", "visits", "minutes"]
    for other in (visits, minutes):
        assert other["face_seconds"] == pytest.approx(log["face_seconds"], rel=0.01)
        assert other["visits"] == log["faces"] == 40
        assert other["most_at_once"] == log["most_at_once"] > 1
        for label, share in log["share"].items():
            assert other["share"][label] == pytest.approx(share, abs=0.01), label
            mine, theirs = (
                share * log["face_seconds"],
                (other["share"][label] * other["face_seconds"]),
            )
            assert theirs == pytest.approx(mine, rel=0.01), label
    assert visits["dwell_s"]["median"] == pytest.approx(log["dwell_s"]["median"], rel=0.01)
    assert minutes["seconds_away"] == pytest.approx(60, rel=0.01)
    assert minutes["seconds_watched"] == pytest.approx(1140, rel=0.01)
    assert "seconds_watched" not in visits and "dwell_s" not in minutes
    assert sum(d["visits"] for d in visits["by_day"]) == 40


def test_a_folder_with_all_kinds_counts_once(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone, _ = report(capsys, run / "log.csv")
    mixed, said = report(capsys, run)
    assert mixed["face_seconds"] == alone["face_seconds"]
    (line,) = said.splitlines()
    assert line.startswith("fer-report: readings are counted; 2 files of other kinds")
    two, said = report(capsys, run / "minutes.csv", run / "visits.csv")
    assert two["kind"] == "visits" and said.count("\n") == 1


@pytest.mark.parametrize("kind", NAMES[1:])
def test_rotated_gzipped_torn(
    run: Path, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, _ = report(capsys, run / f"{kind}.csv")
    lines = (run / f"{kind}.csv").read_bytes().splitlines(keepends=True)
    half = len(lines) // 2
    # The last whole row of the rotated file is in the other one, too, which ends in half a row,
    # has one with half a quote and one with a number that cannot be.
    old = tmp_path / f"{kind}-20260302-095830.csv.gz"
    old.write_bytes(gzip.compress(b"".join(lines[: half + 1])))
    cells = lines[1].split(b",")
    wild = b",".join([*cells[:-4], b"1e300", *cells[-3:]])
    quote = b'"' + lines[1]
    rest = [lines[0], *lines[half : half + 2], quote, wild, *lines[half + 2 :], lines[1][:20]]
    (tmp_path / f"{kind}.csv").write_bytes(b"".join(rest))
    found, said = report(capsys, tmp_path)
    assert found["face_seconds"] == pytest.approx(whole["face_seconds"], abs=0.01)
    assert found["rows"] == whole["rows"] and found["duplicate_rows"] == 1
    assert sum(f["bad_rows"] for f in found["files"]) == 3
    assert "3 damaged rows left out" in said


def test_a_file_without_a_line_is_of_no_kind(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(run / "visits.csv", tmp_path)
    alone, _ = report(capsys, tmp_path / "visits.csv")
    (tmp_path / "visits-1.csv").write_bytes(b"")
    (tmp_path / "visits-2.csv.gz").write_bytes(gzip.compress(b"begin,end")[:12])
    both, said = report(capsys, tmp_path)
    assert (both["kind"], both["rows"]) == ("visits", alone["rows"])
    assert "visits-2.csv.gz: the compressed data end too early" in said


@pytest.mark.parametrize("kind", NAMES[1:])
def test_the_page_shows_what_the_kind_knows(
    run: Path, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = {}
    for lang in ("en", "es"):
        with pytest.raises(SystemExit) as end:
            main([str(run / f"{kind}.csv"), "-o", str(tmp_path / lang), "--lang", lang])
        assert end.value.code == 0
        pages[lang] = (tmp_path / lang / "index.html").read_text("utf-8")
        assert "{" not in pages[lang].partition("</style>")[2]
    knows = {"visits": "Stays", "minutes": "Camera away"}
    assert knows[kind] in pages["en"]
    assert all(word not in pages["en"] for k, word in knows.items() if k != kind)
    assert "Tiempo de cara" in pages["es"] and "Quioscos" in pages["es"]
    capsys.readouterr()


def test_parquet_of_a_fleet(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fer_archive.parquet import write_parquet

    con, spool = duckdb.connect(), tmp_path / "spool.jsonl"
    lines = []
    labels = (*EMOTIONS, UNCERTAIN)
    for kind, table in (("visit", VISITS), ("minute", MINUTES)):
        found = con.execute(f"SELECT * FROM read_csv('{run / f'{kind}s.csv'}', all_varchar = true)")
        assert found.description
        names = [c[0] for c in found.description]
        assert names == list(table.columns)
        for row in found.fetchall():
            record = dict(zip(names, row, strict=True))
            record["emotion_seconds"] = {e: float(record.pop(f"s_{e}")) for e in labels}
            events = ("begin", "end") if kind == "visit" else ("",)
            for event in events:
                told = {**record, "kind": kind} | ({"event": event} if event else {})
                if event == "begin":
                    told |= {"end": record["begin"], "emotion_seconds": dict.fromkeys(labels, 0.0)}
                lines.append(json.dumps(told))
    spool.write_text("\n".join(lines) + "\n")
    write_parquet(spool, tmp_path / "out", "a-1")
    for kind in ("visits", "minutes"):
        csv, _ = report(capsys, run / f"{kind}.csv")
        archive, _ = report(capsys, tmp_path / "out" / kind[:-1])
        for key in csv.keys() - {"files"}:
            assert archive[key] == csv[key], key
    both, said = report(capsys, tmp_path / "out")
    assert both["kind"] == "visits" and both["visits"] == 40 and said.count("\n") == 1


@pytest.mark.parametrize("more", [["--compare", "a", "b"], ["--engine", "duckdb://"]])
def test_only_readings_can(run: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(run / "visits.csv"), *more])
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == DataError.exit_code and "received visits only" in line


def test_no_record_is_said(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "visits.csv").write_bytes(VISITS.header)
    for arguments in ([tmp_path / "visits.csv"], [run / "visits.csv", "--until", "2026-01-01"]):
        with pytest.raises(SystemExit) as end:
            main([*map(str, arguments), "--json"])
        (line,) = capsys.readouterr().err.splitlines()
        assert end.value.code == DataError.exit_code and "expected" in line
