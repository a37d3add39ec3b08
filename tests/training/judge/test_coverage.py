"""Accuracy of what is claimed, over the share that is claimed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_training.judge.coverage import claimed, coverage, coverage_table


def test_the_surest_are_claimed_first() -> None:
    right = np.array([True] * 6 + [False] * 2 + [True, False])
    sure = np.linspace(0.95, 0.5, 10)
    found = coverage(right, sure)
    by_share = {p["coverage"]: p for p in found["points"]}
    assert by_share[1.0]["accuracy"] == pytest.approx(0.7)
    assert by_share[0.9]["accuracy"] == pytest.approx(7 / 9)
    assert by_share[0.9]["threshold"] == pytest.approx(0.55)
    assert by_share[0.6]["accuracy"] == 1.0
    assert found["best_area"] < found["area"] < 0.3
    # The threshold claims exactly what the point says.
    again = claimed(right, sure, by_share[0.9]["threshold"])
    assert again["coverage"] == 0.9 and again["accuracy"] == pytest.approx(7 / 9)
    text = coverage_table({**found, "default": claimed(right, sure, 0.52)})
    assert "77.78" in text and "smoothing.threshold" in text


def test_order_of_the_pictures_says_nothing() -> None:
    rng = np.random.default_rng(3)
    sure = rng.random(500)
    right = rng.random(500) < sure
    turn = rng.permutation(500)
    one, other = coverage(right, sure), coverage(right[turn], sure[turn])
    assert one["area"] == pytest.approx(other["area"])
    for a, b in zip(one["points"], other["points"], strict=True):
        assert a == pytest.approx(b)


def test_nothing_claimed_and_nothing_given() -> None:
    none = claimed(np.array([True]), np.array([0.4]), 0.5)
    assert none["coverage"] == 0 and none["accuracy"] is None
    with pytest.raises(ValueError, match="received 0 and 0"):
        coverage(np.zeros(0, bool), np.zeros(0))


def test_the_report_has_the_curve(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from fer_training.judge.plots import draw_coverage

    right, sure = np.array([True, False]), np.array([0.8, 0.2])
    for threshold in (0.3, 0.9):
        found = {**coverage(right, sure), "default": claimed(right, sure, threshold)}
        draw_coverage(tmp_path / "coverage.png", found, "a model")
        assert (tmp_path / "coverage.png").stat().st_size > 5_000
    assert " - " in coverage_table(found)
