"""Rates, percentiles and memory."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest

from fer_runtime.out.rates import CounterRates, Latencies, RateMeter, memory_mb


def test_n_events_span_n_minus_1_intervals() -> None:
    meter = RateMeter()
    assert meter.rate(0.0) == 0.0
    meter.tick(10.0)
    assert meter.rate(10.0) == 0.0
    meter.tick(10.1)
    assert meter.rate(10.1) == pytest.approx(10.0)


@pytest.mark.parametrize("fps", [0.5, 4.0, 29.97, 240.0])
def test_a_steady_rate_is_read_at_any_moment(fps: float) -> None:
    meter = RateMeter()
    for n in range(2000):
        meter.tick(n / fps)
    for part in (0.0, 0.5, 0.99):
        assert meter.rate((1999 + part) / fps) == pytest.approx(fps, rel=0.01)


def test_the_rate_sinks_when_frames_stop_and_ends_at_0() -> None:
    meter = RateMeter(window_s=5.0)
    for n in range(101):
        meter.tick(n / 20)  # until 5.0
    rates = [meter.rate(5.0 + late) for late in (0.05, 0.5, 1.0, 2.0, 4.0, 5.1)]
    assert rates[0] == pytest.approx(20.0)
    assert all(a > b for a, b in pairwise(rates))
    assert rates[-1] == 0.0


def test_a_clock_that_steps_back_starts_anew() -> None:
    meter = RateMeter()
    for now in (100.0, 100.1, 3.0, 3.1):
        meter.tick(now)
    assert meter.rate(3.1) == pytest.approx(10.0)


def test_the_meter_is_bounded() -> None:
    meter = RateMeter(window_s=1e9)
    for n in range(20_000):
        meter.tick(n / 1000)
    assert meter.rate(20.0) == pytest.approx(1000, rel=0.01)
    assert len(meter._times) <= 4000


def test_rates_of_counters() -> None:
    rates = CounterRates(window_s=10.0)
    assert rates.update(0.0, 0, 0) == (0.0, 0.0)
    assert rates.update(5.0, 150, 5) == (30.0, 1.0)
    for n in range(2, 40):
        last = rates.update(5.0 * n, 150 * n, 5)
    assert last == (30.0, 0.0)  # the first five are out of the window
    assert rates.update(5.0 * 39, 150 * 39, 5) == (30.0, 0.0)
    for n in range(40, 50):
        last = rates.update(5.0 * n, 150 * 39, 5)
    assert last == (0.0, 0.0)


def test_percentiles_are_those_of_the_newest_values() -> None:
    latencies = Latencies(size=100)
    assert latencies.percentiles() == {}
    latencies.add(7.0)
    assert latencies.percentiles() == {"p50": 7.0, "p95": 7.0, "p99": 7.0}
    for value in np.random.default_rng(0).permutation(1000):
        latencies.add(1000.0 + value)
    for value in np.random.default_rng(1).permutation(np.arange(1, 101)):
        latencies.add(float(value))
    assert latencies.percentiles() == {"p50": 51.0, "p95": 96.0, "p99": 100.0}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_sees_what_is_used() -> None:
    before = memory_mb()
    block = np.ones(50_000_000, np.uint8)
    after = memory_mb()
    assert before is not None and after is not None
    assert 45 < after - before < 60 and block[0]
