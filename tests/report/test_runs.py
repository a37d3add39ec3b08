"""Which rows belong together."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from report_engine import opened, report_of, rows_of
from synthetic_log import BERLIN_SUMMER, BERLIN_WINTER, Row, log_text, random_run, row

from fer_report.compute import span

START = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
WriteLog = Callable[..., Path]


def stays(*paths: Path) -> list[float]:
    return sorted(report_of(*paths).dwell_s.round(3).tolist())


def run(start: datetime, first_s: int, last_s: int, face_id: int = 1) -> list[Row]:
    return [row(start, t, face_id) for t in range(first_s, last_s + 1)]


def test_restart_separates_faces_of_the_same_number(write_log: WriteLog) -> None:
    later = START + timedelta(minutes=10)
    path = write_log(run(START, 1, 30) + run(later, 1, 5))
    assert report_of(path).runs == 2
    assert stays(path) == [5, 30]


def test_restart_is_seen_where_elapsed_time_is_larger(write_log: WriteLog) -> None:
    """The first run ended after 30 s, the second saw nobody until 50 s."""
    later = START + timedelta(minutes=10)
    path = write_log(run(START, 1, 30) + run(later, 50, 60))
    assert stays(path) == [11, 30]


@pytest.mark.parametrize("step_s", [-3600, -7.0, 7.0, 3600, 86_400 * 365])
def test_set_clock_does_not_cut_a_stay(write_log: WriteLog, step_s: float) -> None:
    rows = run(START, 1, 20) + run(START + timedelta(seconds=step_s), 21, 40)
    # Elapsed time goes on; only the stamps jump.
    assert stays(write_log(rows)) == [40]


def test_daylight_saving_is_no_step(write_log: WriteLog) -> None:
    rows = run(START.astimezone(BERLIN_WINTER), 1, 20)
    rows += run(START.astimezone(BERLIN_SUMMER), 21, 40)
    path = write_log(rows)
    assert stays(path) == [40]
    hours = report_of(path).hour_s.sum(axis=1)
    assert hours[10] == 20 and hours[11] == 20 and hours.sum() == 40


def test_run_goes_on_in_the_next_file(write_log: WriteLog, tmp_path: Path) -> None:
    first = tmp_path / "log-20260302-090001.csv.gz"
    first.write_bytes(gzip.compress(log_text(run(START, 1, 20)).encode()))
    second = write_log(run(START, 21, 33))
    assert stays(second, first) == stays(first, second) == [33]


def test_order_of_files_does_not_matter(write_log: WriteLog) -> None:
    paths = []
    for day in range(4):
        rows = random_run(day, START + timedelta(days=day), 40)
        half = len(rows) // 2
        paths.append(write_log(rows[:half], f"{day}-a.csv"))
        paths.append(write_log(rows[half:], f"{day}-b.csv"))
    orders = [paths, paths[::-1], paths[1::2] + paths[::2]]
    a, b, c = (report_of(*p) for p in orders)
    for other in (b, c):
        np.testing.assert_array_equal(a.dwell_s, other.dwell_s)
        np.testing.assert_array_equal(a.bins.seconds, other.bins.seconds)
        np.testing.assert_array_equal(a.transitions, other.transitions)


def test_copies_count_once(write_log: WriteLog) -> None:
    rows = random_run(9, START, 50)
    whole, copy = write_log(rows), write_log(rows[:300], "copy.csv")
    rows_twice, _, twice = rows_of(copy, whole)
    assert twice == 300
    assert len(rows_twice) == len(rows)
    np.testing.assert_array_equal(report_of(copy, whole).label_s, report_of(whole).label_s)


def test_a_log_joined_with_itself_counts_once(write_log: WriteLog) -> None:
    rows = random_run(9, START, 50)
    assert rows_of(write_log(rows + rows))[2] == len(rows)


def test_two_faces_in_one_tick_are_no_duplicates(write_log: WriteLog) -> None:
    path = write_log([row(START, 1, 1), row(START, 1, 2), row(START, 2, 1), row(START, 2, 2)])
    assert rows_of(path)[2] == 0
    assert report_of(path).most_at_once == 2


def test_row_stands_for_the_interval_of_its_run(write_log: WriteLog) -> None:
    """A run that logged every frame must not outweigh one that logged each minute."""
    fast = [row(START, t / 10, 1, "sad") for t in range(100)]
    slow = [row(START + timedelta(hours=1), t * 60.0, 1, "happy") for t in range(10)]
    report = report_of(write_log(fast + slow))
    assert report.label_s[5] == pytest.approx(10.0)
    assert report.label_s[3] == pytest.approx(600.0)


def test_single_rows_get_the_default_interval(write_log: WriteLog) -> None:
    path = write_log([row(START, 10.0 * k, k) for k in range(1, 5)])
    assert report_of(path).face_seconds == 4.0


def test_rows_before_the_clock_was_set(write_log: WriteLog) -> None:
    early = datetime(1970, 1, 1, 0, 5, tzinfo=timezone.utc)
    both = write_log(run(early, 1, 10) + run(START, 100, 104))
    assert report_of(both).rows == 5
    with opened(both) as source:
        assert span(source.engine).undated == 10
    only = write_log(run(early, 1, 10), "early.csv")
    assert report_of(only).rows == 10


def test_filters(write_log: WriteLog) -> None:
    whole = write_log(run(START.astimezone(BERLIN_WINTER), 0, 59))
    local = datetime(2026, 3, 2, 10, 0, 30)
    assert report_of(whole, since=local).rows == 30
    assert report_of(whole, until=local).rows == 30
    span_s = (START + timedelta(seconds=10), START + timedelta(seconds=20))
    assert report_of(whole, since=span_s[0], until=span_s[1]).rows == 10
    assert report_of(whole).rows == 60
