"""Figures of merit against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fer_training.judge import calibration, metrics


def test_top_2_and_ties() -> None:
    logits = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
    labels = np.array([0, 1, 2, 0])
    assert metrics.top_k_accuracy(labels, logits, 1) == 0.25
    assert metrics.top_k_accuracy(labels, logits, 2) == 0.5


def test_calibration_error_by_hand() -> None:
    # 10 answers of confidence 0.9 of which 6 are right: a gap of 0.3 in one bin.
    probabilities = np.tile([0.9, 0.1], (10, 1))
    labels = np.array([0] * 6 + [1] * 4)
    bins = calibration.reliability(labels, probabilities)
    assert bins.error == pytest.approx(0.3)
    assert bins.count.sum() == 10
    assert bins.count[13] == 10  # 0.9 lies in the bin (0.8667, 0.9333]


def test_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = 3.0 * rng.normal(size=(20000, 7))
    p = metrics.softmax(logits)
    labels = (p.cumsum(axis=1) > rng.random((20000, 1))).argmax(axis=1)
    for wrong in (0.4, 1.0, 2.5):
        found = calibration.fit_temperature(labels, logits * wrong)
        assert found == pytest.approx(wrong, rel=0.04)
        assert calibration.expected_calibration_error(labels, logits * wrong, found) < 0.015
        error, pair, _ = calibration.cross_fitted(labels, logits * wrong)
        assert error < 0.02
        assert pair == pytest.approx((wrong, wrong), rel=0.06)
    assert calibration.expected_calibration_error(labels, logits * 2.5) > 0.05
