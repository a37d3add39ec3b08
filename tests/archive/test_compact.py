"""Files of past days become one: no record lost, none twice, whatever is killed and when."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

duckdb = pytest.importorskip("duckdb", reason="extra collect is not installed")

from archive_records import minute, reading, stored, visit  # noqa: E402

from conftest import assert_one_line, clean_env  # noqa: E402
from fer_archive.compact import compact  # noqa: E402
from fer_archive.parquet import write_parquet  # noqa: E402
from fer_archive.spool import Spool  # noqa: E402
from fer_runtime.errors import OutputError  # noqa: E402

DAY = "2026-11-24"
OVER = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
"""When that day is over in every time zone."""
COUNTS = "count(*), count(DISTINCT (device, run, number))"


def roll(out: Path, name: str, *messages: tuple[str, dict[str, Any]]) -> Path:
    """Have a collector receive messages and write them as Parquet; return its spool file."""
    spool = Spool(out / f".spool-{name}")
    spool.open()
    spool.add(messages)
    closed = spool.roll()
    spool.close()
    assert closed is not None
    write_parquet(closed, out, f"{name}-{closed.stem}")
    return closed


def fill(out: Path, day: str = DAY) -> None:
    """Four rolls of two collectors: 30 readings, of which ten came to both, 3 visits, a minute."""
    for name, first in (("a", 0), ("a", 10), ("b", 10), ("b", 20)):
        messages = [("reading", reading(n, day=day)) for n in range(first, first + 10)]
        messages += [("visit", visit("end", f"{day}T10:00:{first:02}.000+01:00"))]
        messages += [("minute", minute(f"{day}T10:00:00+01:00"))]
        roll(out, name, *messages).unlink()


def files(out: Path) -> list[str]:
    return sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())


def left(out: Path) -> list[str]:
    """What is neither record nor lock."""
    return [f for f in files(out) if not f.endswith((".parquet", ".lock", "/next"))]


def test_a_day_that_is_over_becomes_one_file_with_each_record_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out)
    before = stored(out, "reading", "DISTINCT * EXCLUDE (number), number")
    assert compact(out, OVER - timedelta(seconds=1)).days == 0, "UTC-12 is at it still"
    assert stored(out, "reading", COUNTS) == [(40, 30)]
    done = compact(out, OVER)
    assert (done.days, done.files, done.repeated, done.refused) == (3, 12, 10 + 1 + 3, 0)
    assert stored(out, "reading", COUNTS) == [(30, 30)]
    assert stored(out, "visit") == [(3,)] and stored(out, "minute") == [(1,)]
    assert len([f for f in files(out) if f.endswith(".parquet")]) == 3 and left(out) == []
    assert sorted(stored(out, "reading", "* EXCLUDE (number), number")) == sorted(before)
    there = files(out)
    assert compact(out, OVER).days == 0 and files(out) == there, "once is enough"


def test_what_comes_late_is_merged_too_and_once_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out)
    compact(out, OVER)
    roll(out, "a", ("reading", reading(29)), ("reading", reading(30))).unlink()
    assert stored(out, "reading", COUNTS) == [(32, 31)]
    assert compact(out, OVER).repeated == 1
    assert stored(out, "reading", COUNTS) == [(31, 31)]


def test_a_file_that_may_be_written_again_waits(tmp_path: Path) -> None:
    """A collector was killed between its Parquet and the end of its spool: it writes it anew."""
    out = tmp_path / "out"
    roll(out, "a", ("reading", reading(1))).unlink()
    spool = roll(out, "a", ("reading", reading(2)))
    assert compact(out, OVER).days == 0
    write_parquet(spool, out, f"a-{spool.stem}")  # as it does when it is back
    spool.unlink()
    assert compact(out, OVER).days == 1
    assert stored(out, "reading", COUNTS) == [(2, 2)]


def test_a_file_of_another_collector_that_comes_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fer_archive.compact as module

    out = tmp_path / "out"
    fill(out)
    exchange = module.exchange

    def late(one: Path, other: Path) -> None:
        if "reading" in other.parts:  # it has been listed, and not yet exchanged
            roll(out, "c", ("reading", reading(77))).unlink()
        exchange(one, other)

    monkeypatch.setattr(module, "exchange", late)
    compact(out, OVER)
    assert stored(out, "reading", COUNTS) == [(31, 31)] and left(out) == []


def test_a_broken_file_stops_no_other_day(tmp_path: Path, fer: Callable[..., Any]) -> None:
    out = tmp_path / "out"
    fill(out, "2024-11-20")  # over, whatever the clock of this machine says
    next(out.glob("reading/*/*/*.parquet")).write_bytes(b"PAR1 and no more")
    before = files(out)
    done: CompletedProcess[str] = fer("--compact", out, module="fer_archive.collect")
    assert_one_line(done, 65, "1 left as they are", "cannot be read", name="fer-collect")
    assert "8 files of past days compacted into 2; 4 records were there twice" in done.stdout
    kept = [f for f in before if f.startswith("reading/")]
    assert [f for f in files(out) if f.startswith("reading/")] == kept and left(out) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--compact", "nothing"], 65, "expected a folder with reading"),
        (["--compact", ".", "--host", "h"], 2, "leave out --host"),
        (["--compact", "."], 65, "expected a folder with reading"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], code: int, words: str, fer: Callable[..., CompletedProcess[str]]
) -> None:
    done = fer(*arguments, module="fer_archive.collect")
    assert_one_line(done, code, words, name="fer-collect")


def test_where_folders_cannot_change_places_nothing_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fer_archive.compact as module

    def refuse(one: Path, other: Path) -> None:
        raise OSError(22, "Invalid argument")  # as NFS answers

    monkeypatch.setattr(module, "exchange", refuse)
    out = tmp_path / "out"
    fill(out)
    before = files(out)
    with pytest.raises(OutputError, match="cannot exchange two folders"):
        compact(out, OVER)
    assert [f for f in files(out) if f.endswith(".parquet")] == [
        f for f in before if f.endswith(".parquet")
    ]
    assert left(out) == []


def test_who_looks_while_it_happens_sees_each_record_once_or_an_error(tmp_path: Path) -> None:
    out = tmp_path / "out"
    numbers = range(2)
    for device in range(30):
        for name in "ab":
            messages = [
                ("reading", reading(n + (name == "b") * 2, f"kiosk-{device}")) for n in numbers
            ]
            roll(out, name, *messages).unlink()
    seen, errors = set(), []
    ended = threading.Event()

    def look() -> None:
        with duckdb.connect() as con:
            while not ended.is_set():
                try:
                    seen.add(stored_with(con, out))
                except duckdb.Error as error:  # a file was listed and is gone
                    errors.append(str(error))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert compact(out, OVER).days == 30
    finally:
        ended.set()
        thread.join()
    assert seen <= {120}, seen
    assert all("No such file" in e or "No files found" in e for e in errors), errors[:1]


def stored_with(con: Any, out: Path) -> int:
    query = f"SELECT count(number) FROM read_parquet('{out}/reading/*/*/*.parquet')"
    return int(con.execute(query).fetchone()[0])


# Ends the process, without a farewell, right before the n-th thing that changes the disk.
KILLED = """
import os, sys
from datetime import datetime
from pathlib import Path
import fer_archive.compact as module
out, now, left = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])
import duckdb, filelock
WORDS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "os.chmod", "exchange")
def hook(event, arguments):
    global left
    changes = event in WORDS or (event == "open" and str(out) in str(arguments[0])
                                 and ".lock" not in str(arguments[0]))
    if changes:
        left -= 1
        if left < 0:
            os._exit(9)
exchange = module.exchange
def audited(one, other):
    sys.audit("exchange")
    exchange(one, other)
module.exchange = audited
sys.addaudithook(hook)
module.compact(out, now)
"""


def test_killed_at_any_step_nothing_is_lost_and_nothing_twice(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    for name in ("a", "b"):
        first = 5 * (name == "b")
        messages = [("reading", reading(n)) for n in range(first, first + 5)]
        roll(origin, name, *messages).unlink()
    step, ends = 0, []
    while True:
        out = tmp_path / f"out{step}"
        shutil.copytree(origin, out)
        code = subprocess.run(
            [sys.executable, "-c", KILLED, str(out), OVER.isoformat(), str(step)],
            env=clean_env(), check=False, timeout=60,
        ).returncode  # fmt: skip
        # Whoever reads before anybody has cleared up, and after.
        assert stored(out, "reading", COUNTS) == [(10, 10)], f"killed before step {step}"
        ends.append(len(list(out.glob("reading/*/*/*.parquet"))))
        compact(out, OVER)
        assert stored(out, "reading", COUNTS) == [(10, 10)], f"after step {step}"
        assert len(list(out.glob("reading/*/*/*.parquet"))) == 1 and left(out) == []
        if code == 0:
            break
        assert code == 9, f"step {step} ended with {code}"
        step += 1
    assert ends == sorted(ends, reverse=True) and {1, 2} == set(ends)
    assert step >= 12, "fewer steps than a merge has: what was killed?"


def test_a_late_file_survives_a_kill_right_after_the_exchange(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(out)
    day = next(out.glob("reading/*/*"))
    names = os.listdir(day)
    # As it lies when the exchange is done, a late file has come, and nothing is cleared up.
    work = out / ".compact"
    work.mkdir()
    os.rename(day, work / "merged")
    day.mkdir()
    files_of = ", ".join(f"'{work / 'merged' / n}'" for n in names)
    duckdb.sql(
        f"COPY (SELECT DISTINCT ON (run, number) * FROM read_parquet([{files_of}])) "
        f"TO '{day / 'day-1.parquet'}'"
    )
    roll(tmp_path / "other", "c", ("reading", reading(99)))
    late = next((tmp_path / "other").glob("reading/*/*/*.parquet"))
    os.rename(late, work / "merged" / late.name)
    (work / "journal.json").write_text(
        json.dumps(
            {"day": day.relative_to(out).as_posix(), "made": "day-1.parquet", "merged": names}
        )
    )
    compact(out, OVER)
    assert stored(out, "reading", COUNTS) == [(31, 31)] and left(out) == []
