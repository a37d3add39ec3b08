"""Visits and minutes beside the log, and a log of an earlier version."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from csv_logs import good_row, opened, put, rows, settings
from readings import NOON, in_frame, reading

from fer_runtime.errors import ConfigError, DataError, OutputError
from fer_runtime.out.csv import files
from fer_runtime.out.csv.log import MinuteLog, VisitLog
from fer_runtime.out.csv.row import HEADER, MINUTES, READINGS, VISITS
from fer_runtime.out.sinks import Sinks, make_sinks
from fer_runtime.settings.schema import Settings

OLD = READINGS.before()[0]


def old_row(frame: int) -> bytes:
    return good_row(frame).rpartition(b",")[0] + b"\n"


def run(sinks: Sinks, start: float, *faces: int, seconds: float = 10.0) -> None:
    for frame in range(round(start * 10), round((start + seconds) * 10) + 1):
        now = frame / 10
        wall = NOON + timedelta(seconds=now)
        sinks.write(in_frame([reading(frame, f) for f in faces], 1000.0 + now, wall, now))


def test_visits_and_minutes_agree_with_the_readings(tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.csv" for name in ("log", "visits", "minutes")}
    csv = settings(paths["log"], visits=str(paths["visits"]), minutes=str(paths["minutes"]))
    sinks = Sinks(Settings(csv=csv))
    sinks.add(make_sinks(Settings(csv=csv), sinks.run))
    sinks.open()
    run(sinks, 0.0, 1, 2, seconds=30.0)
    run(sinks, 30.1, 1, seconds=60.0)
    sinks.end(NOON + timedelta(seconds=90))
    sinks.close()
    visits, minutes = rows(paths["visits"], VISITS), rows(paths["minutes"], MINUTES)
    assert [(v["face_id"], v["emotion"]) for v in visits] == [("2", "happy"), ("1", "happy")]
    assert [float(v["seconds"]) for v in visits] == pytest.approx([30.0, 90.1])
    assert visits[0]["begin"] == "2026-11-22T12:00:00.250+01:00"
    assert {v["run"] for v in visits} == {m["run"] for m in minutes} == {sinks.run}
    seen = sum(float(m["face_seconds"]) for m in minutes)
    assert seen == pytest.approx(sum(float(v["s_happy"]) for v in visits), abs=0.01)
    assert seen == pytest.approx(0.1 * len(rows(paths["log"])), rel=0.01)
    assert [m["people_max"] for m in minutes] == ["2", "1"]
    assert float(visits[0]["valence"]) == float(minutes[0]["valence"]) == pytest.approx(0.42)


def test_the_status_of_several_logs_tells_the_newest_row_and_the_least_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {name: str(tmp_path / name / "log.csv") for name in ("visits", "minutes")}
    for name in paths:
        (tmp_path / name).mkdir()
    csv = settings(tmp_path / "log.csv", **paths)
    space = {"visits": 2, "minutes": 3}
    monkeypatch.setattr(
        "shutil.disk_usage", lambda p: SimpleNamespace(free=space.get(Path(p).name, 1) * 10**6)
    )
    sinks = Sinks(Settings(csv=csv), make_sinks(Settings(csv=csv), "3f2a91c07be4"))
    sinks.open()
    run(sinks, 0.0, 1, seconds=5.0)
    run(sinks, 10.0, 2, seconds=60.0)  # the first has gone, and its visit and minute are written
    status = sinks.status()
    sinks.close()
    written = datetime.fromisoformat(status["csv_written_at"])
    assert timedelta(seconds=60) < written - NOON <= timedelta(seconds=70)
    assert status["csv_free_mb"] == 1.0


def test_visits_alone_are_enough(tmp_path: Path) -> None:
    csv = settings("", visits=str(tmp_path / "visits.csv"))
    sinks = Sinks(Settings(csv=csv), make_sinks(Settings(csv=csv), "3f2a91c07be4"))
    sinks.open()
    run(sinks, 0.0, 1)
    sinks.end(NOON)
    sinks.close()
    assert [p.name for p in tmp_path.glob("*.csv")] == ["visits.csv"]
    assert len(rows(tmp_path / "visits.csv", VISITS)) == 1


def test_the_same_care_as_for_the_log(tmp_path: Path) -> None:
    path = tmp_path / "minutes.csv"
    csv = settings("", minutes=str(path), rotate_daily=True)
    for day in range(2):
        log = MinuteLog(csv)
        log.open()
        with pytest.raises(OutputError, match=r"another process .* or give --minutes another name"):
            MinuteLog(csv).open()
        sinks = Sinks(Settings(csv=csv), [log])
        # A torn row of a power cut, then a new day.
        run(sinks, 86_400.0 * day, 1, seconds=120.0)
        sinks.end(NOON)
        sinks.close()
        with path.open("ab") as file:
            file.write(b"2026-11-22T12:00" + b"\0" * 9000)
    old = files.rotated_files(path)
    assert [p.name for p in old] == ["minutes-20261122-120000.csv"]
    assert len(rows(old[0], MINUTES)) == 3
    MinuteLog(csv).open()
    assert len(rows(path, MINUTES)) == 3


def test_a_visit_over_midnight_belongs_to_the_day_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    log = VisitLog(settings("", visits=str(path)))
    log.open()
    sinks = Sinks(Settings(), [log])
    evening = 11 * 3600 + 3590.0
    run(sinks, evening, 1, 2, seconds=5.0)
    run(sinks, evening + 5.1, 1, 3, seconds=15.0)
    sinks.end(NOON)
    sinks.close()
    (old,) = files.rotated_files(path)
    assert [v["face_id"] for v in rows(old, VISITS)] == ["2"]
    assert {v["face_id"] for v in rows(path, VISITS)} == {"1", "3"}


def test_one_file_cannot_be_two_logs(tmp_path: Path) -> None:
    path = str(tmp_path / "a.csv")
    csv = settings(path, visits=path)
    with pytest.raises(ConfigError, match=r"csv\.visits.*expected distinct files"):
        make_sinks(Settings(csv=csv), "3f2a91c07be4")


@pytest.mark.parametrize("key", ["status.path", "metrics.textfile"])
def test_what_is_replaced_is_no_log(key: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    values = {"csv.path": f"{tmp_path}/a.prom", key: f"{tmp_path}/link/a.prom"}
    with pytest.raises(ConfigError, match=rf"csv\.path, {key}: expected distinct files"):
        make_sinks(Settings().with_values(values), "3f2a91c07be4")


def test_a_log_of_visits_is_not_appended_to_by_minutes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(VISITS.header)
    with pytest.raises(DataError, match=r"begins with minute,.*received 'begin,end"):
        MinuteLog(settings("", minutes=str(path))).open()


@pytest.mark.parametrize("tail", [b"", b"2026-11-22T12:00:00.850+0", b"\0" * 5000])
def test_a_log_of_an_earlier_version_is_put_aside_whole(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(OLD.header + old_row(0) + old_row(1) + tail)
    log = opened(path)
    put(log, 2, 1)
    log.close()
    (old,) = files.rotated_files(path)
    assert old.name == "log-20261122-120000.csv"
    assert old.read_bytes() == OLD.header + old_row(0) + old_row(1)
    assert [row["frame"] for row in rows(path)] == ["2"] and path.read_bytes().startswith(HEADER)


def test_an_earlier_version_without_rows_leaves_no_file_behind(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(OLD.header)
    opened(path).close()
    assert not files.rotated_files(path) and path.read_bytes() == HEADER


def test_a_log_of_an_earlier_version_put_in_place_under_way(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = opened(path)
    path.unlink()
    path.write_bytes(OLD.header + old_row(0))
    put(log, 1, 1)
    log.close()
    assert len(files.rotated_files(path)) == 1
    assert [row["frame"] for row in rows(path)] == ["1"]
