"""Counts of right and wrong against scikit-learn and against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix, precision_recall_fscore_support

from fer_report import metrics
from fer_runtime.labels import EMOTIONS


@pytest.fixture(scope="module")
def answers() -> tuple[np.ndarray, np.ndarray]:
    """2,000 labels of uneven classes and logits that are often right."""
    rng = np.random.default_rng(3)
    labels = rng.choice(7, 2000, p=[0.14, 0.02, 0.14, 0.25, 0.17, 0.17, 0.11])
    return labels, rng.normal(size=(2000, 7)) + 1.5 * np.eye(7)[labels]


def test_wilson_interval_known_values() -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    assert metrics.wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert metrics.wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert metrics.wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert metrics.wilson_interval(0, 0) == (0.0, 1.0)


def test_confusion_and_scores_agree_with_scikit_learn(
    answers: tuple[np.ndarray, np.ndarray],
) -> None:
    labels, logits = answers
    predicted = logits.argmax(axis=1)
    confusion = metrics.confusion_matrix(labels, predicted, 7)
    np.testing.assert_array_equal(confusion, confusion_matrix(labels, predicted))
    ours = metrics.class_scores(confusion)
    p, r, f, n = precision_recall_fscore_support(labels, predicted)
    np.testing.assert_allclose([s.precision for s in ours], p)
    np.testing.assert_allclose([s.recall for s in ours], r)
    np.testing.assert_allclose([s.f1 for s in ours], f)
    assert [s.support for s in ours] == n.tolist()
    assert metrics.macro(ours).f1 == pytest.approx(f.mean())
    for k, s in enumerate(ours):
        others = labels != k
        assert s.specificity == pytest.approx(np.mean(predicted[others] != k))


def test_report_has_the_numbers_of_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    labels, logits = answers
    predicted = logits.argmax(axis=1)
    ours = metrics.classification_report(metrics.confusion_matrix(labels, predicted, 7), EMOTIONS)
    theirs = classification_report(labels, predicted, target_names=EMOTIONS, digits=4)
    assert ours.split() == theirs.split()


def test_a_class_without_pictures_does_not_count_in_the_mean() -> None:
    confusion = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    scores = metrics.class_scores(confusion)
    assert math.isnan(scores[2].recall)
    assert metrics.macro(scores).recall == pytest.approx((0.75 + 1.0) / 2)


def test_an_answer_that_is_no_class_is_wrong_for_every_class() -> None:
    """Against scikit-learn with its `labels`: the third column is "nothing claimed"."""
    counts = np.array([[5, 1, 4], [2, 6, 2]])
    real = np.repeat([0, 0, 0, 1, 1, 1], counts.ravel())
    called = np.repeat([0, 1, 2, 0, 1, 2], counts.ravel())
    p, r, f, n = precision_recall_fscore_support(real, called, labels=[0, 1])
    ours = metrics.class_scores(counts)
    assert [s.precision for s in ours] == pytest.approx(p)
    assert [s.recall for s in ours] == pytest.approx(r)
    assert [s.f1 for s in ours] == pytest.approx(f)
    assert [s.support for s in ours] == n.tolist()
    assert "0.5500" in metrics.classification_report(counts, ("a", "b"))
