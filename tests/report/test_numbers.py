"""Every figure against the same figure counted the slow way, in plain Python."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_engine import report_of
from synthetic_log import BERLIN_SUMMER, BERLIN_WINTER, Row, random_run, row

from fer_report.numbers import Report, as_dict, mean_valence
from fer_runtime.labels import EMOTIONS, LABELS, UNCERTAIN, VALENCE

Runs = list[list[Row]]


@pytest.fixture(scope="module")
def runs() -> Runs:
    """Five runs on either side of the change to summer time on 29 March 2026."""
    starts = [
        datetime(2026, 3, 27, 8, 0, tzinfo=BERLIN_WINTER),
        datetime(2026, 3, 28, 9, 30, tzinfo=BERLIN_WINTER),
        datetime(2026, 3, 28, 22, 30, tzinfo=BERLIN_WINTER),
        datetime(2026, 3, 30, 9, 0, tzinfo=BERLIN_SUMMER),
        datetime(2026, 4, 2, 17, 0, tzinfo=BERLIN_SUMMER),
    ]
    return [random_run(i, start, 60) for i, start in enumerate(starts)]


@pytest.fixture
def report(runs: Runs, write_log: Callable[..., Path]) -> Report:
    return report_of(write_log(list(chain(*runs))))


def by_face(runs: Runs) -> dict[tuple[int, int], list[Row]]:
    faces: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for number, rows in enumerate(runs):
        for item in rows:
            faces[number, item["face_id"]].append(item)
    return faces


def local(item: Row) -> datetime:
    return datetime.fromisoformat(item["timestamp"]).replace(tzinfo=None)


def test_totals(report: Report, runs: Runs) -> None:
    rows = list(chain(*runs))
    assert (report.rows, report.runs) == (len(rows), 5)
    count = Counter(r["emotion"] for r in rows)
    np.testing.assert_allclose(report.label_s, [count[k] for k in LABELS])
    np.testing.assert_allclose(report.shares, [count[k] / len(rows) for k in LABELS])
    for i, e in enumerate(EMOTIONS):
        mean = sum(float(r[f"p_{e}"]) for r in rows) / len(rows)
        assert report.mean_probability[i] == pytest.approx(mean, rel=1e-5)
    signs = [VALENCE[r["emotion"]] for r in rows if r["emotion"] != UNCERTAIN]
    assert report.valence == pytest.approx(sum(signs) / len(signs))


def test_dwell(report: Report, runs: Runs) -> None:
    times = [[float(r["elapsed_s"]) for r in rows] for rows in by_face(runs).values()]
    expected = sorted(max(t) - min(t) + 1 for t in times)
    np.testing.assert_allclose(sorted(report.dwell_s), expected)
    assert report.faces == len(times) == 300


def test_hours_and_weekdays_are_local(report: Report, runs: Runs) -> None:
    hours, days = np.zeros((24, 8)), np.zeros((7, 8))
    for r in list(chain(*runs)):
        hours[local(r).hour, LABELS.index(r["emotion"])] += 1
        days[local(r).weekday(), LABELS.index(r["emotion"])] += 1
    np.testing.assert_allclose(report.hour_s, hours)
    np.testing.assert_allclose(report.weekday_s, days)


def test_bins(report: Report, runs: Runs) -> None:
    bins = report.bins
    assert bins.width_s == 10_800
    first = datetime(1970, 1, 1) + timedelta(milliseconds=int(bins.start_ms[0]))
    count: Counter[tuple[int, str]] = Counter()
    faces: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for key, rows in by_face(runs).items():
        for r in rows:
            number = int((local(r) - first).total_seconds() // bins.width_s)
            count[number, r["emotion"]] += 1
            faces[number].add(key)
    for b in range(len(bins.start_ms)):
        assert bins.seconds[b].tolist() == pytest.approx([count[b, k] for k in LABELS])
        assert bins.faces[b] == len(faces[b])
    assert first.hour % 3 == 0 and first <= local(runs[0][0])


def test_presence(report: Report, runs: Runs) -> None:
    count: Counter[tuple[int, int]] = Counter()
    for r in list(chain(*runs)):
        day = (local(r).date() - datetime(1970, 1, 1).date()).days
        count[day, local(r).hour * 4 + local(r).minute // 15] += 1
    assert report.presence_s.sum() == sum(count.values())
    for (day, quarter), seconds in count.items():
        assert report.presence_s[day - report.days[0], quarter] == seconds
    assert len(report.days) == 7


def test_transitions(report: Report, runs: Runs) -> None:
    expected = np.zeros((8, 8), int)
    for rows in by_face(runs).values():
        labels = [r["emotion"] for r in sorted(rows, key=lambda r: float(r["elapsed_s"]))]
        for a, b in pairwise(labels):
            expected[LABELS.index(a), LABELS.index(b)] += a != b
    np.testing.assert_array_equal(report.transitions, expected)
    assert expected.sum() > 1000


def test_most_at_once(report: Report, runs: Runs) -> None:
    most = max(
        len({r["face_id"] for r in rows if int(float(r["elapsed_s"]) + 1e-6) == second})
        for rows in runs
        for second in {int(float(r["elapsed_s"]) + 1e-6) for r in rows}
    )
    assert report.most_at_once == most >= 2


def test_gaps(report: Report, runs: Runs) -> None:
    times = sorted(
        (datetime.fromisoformat(r["timestamp"]), n) for n, rows in enumerate(runs) for r in rows
    )
    expected = [
        ((b - a).total_seconds(), m == n)
        for (a, m), (b, n) in pairwise(times)
        if (b - a).total_seconds() >= 900
    ]
    got = [(g.seconds, g.within_run) for g in report.gaps]
    assert [g[0] for g in got] == sorted((g[0] for g in got), reverse=True)
    np.testing.assert_allclose(sorted(got), sorted(expected))
    assert sum(not within for _, within in got) == 4


def test_trend_finds_a_slope_that_is_there(write_log: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    rows = []
    start = datetime(2026, 3, 1, 10, tzinfo=BERLIN_WINTER)
    for day in range(20):
        for t in range(200):
            happy = rng.random() < 0.3 + 0.02 * day
            rows.append(row(start, day * 86_400 + t, day + 1, "happy" if happy else "neutral"))
    trend = report_of(write_log(rows)).trend
    assert trend is not None
    # The same line by numpy's own least squares: every day weighs the same here.
    daily = [
        np.mean([r["emotion"] == "happy" for r in rows[d * 200 : d * 200 + 200]]) for d in range(20)
    ]
    slope, offset = np.polyfit(np.arange(20), daily, 1)
    assert trend.per_day == pytest.approx(slope)
    assert trend.values.tolist() == pytest.approx([offset, offset + 19 * slope])
    assert abs(trend.per_day - 0.02) < 3 * trend.error < 0.01


def test_trend_needs_three_pieces(write_log: Callable[..., Path]) -> None:
    start = datetime(2026, 3, 1, 10, tzinfo=BERLIN_WINTER)
    path = write_log([row(start, 0, 1), row(start, 50, 2)])
    assert report_of(path).trend is None


def test_valence_of_nothing_is_not_a_number() -> None:
    seconds = np.zeros((2, 8))
    seconds[1, 3], seconds[1, 0], seconds[1, 7] = 3, 1, 50
    got = mean_valence(seconds)
    assert np.isnan(got[0]) and got[1] == 0.5
    assert set(VALENCE) == set(EMOTIONS)


def test_only_uncertain(write_log: Callable[..., Path]) -> None:
    start = datetime(2026, 3, 1, 10, tzinfo=BERLIN_WINTER)
    path = write_log([row(start, t, 1, UNCERTAIN) for t in range(5)])
    numbers: dict[str, Any] = as_dict(report_of(path))
    assert numbers["share"][UNCERTAIN] == 1.0
    assert numbers["valence"]["mean"] is None and numbers["mean_confidence"] is None
    json.dumps(numbers, allow_nan=False)
