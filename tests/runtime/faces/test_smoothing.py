"""The filter and the hysteresis, on an injected clock."""

from __future__ import annotations

import numpy as np
import pytest

from fer_runtime.faces.smoothing import Smoother, choose_label
from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.settings.faces import SmoothingSettings


def p(**values: float) -> np.ndarray:
    rest = (1 - sum(values.values())) / (7 - len(values))
    return np.array([values.get(e, rest) for e in EMOTIONS], np.float32)


@pytest.mark.parametrize("fps", [5, 15, 30, 60])
def test_the_time_constant_does_not_depend_on_the_frame_rate(fps: int) -> None:
    smoother = Smoother(SmoothingSettings(tau_ms=250, margin=0, threshold=0))
    # A step too small to hurry: a plain RC filter.
    smoother.update(1, p(sad=0.45, happy=0.35), 0.0)
    for i in range(1, fps + 1):
        _, _, filtered = smoother.update(1, p(sad=0.35, happy=0.45), i / fps)
    # After 1 s = 4 tau the old share has exp(-4) of its lead.
    left = (filtered[EMOTIONS.index("sad")] - 0.35) / 0.1
    assert left == pytest.approx(np.exp(-4), abs=1e-3)
    assert filtered.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("fps", [15, 30])
def test_a_real_change_is_shown_soon_and_a_single_outlier_never(fps: int) -> None:
    smoother = Smoother()
    for i in range(fps):
        smoother.update(1, p(sad=0.8), i / fps)
    assert smoother.update(1, p(happy=0.5, sad=0.3), 1.0)[0] == "sad"  # one odd frame
    for i in range(1, fps):
        smoother.update(1, p(sad=0.8), 1 + i / fps)
    shown = [smoother.update(1, p(happy=0.8), 2 + i / fps)[0] for i in range(fps)]
    assert shown.index("happy") / fps <= 0.3
    assert set(shown) <= {"sad", "happy"}


def test_no_filter() -> None:
    smoother = Smoother(SmoothingSettings(tau_ms=0, margin=0, threshold=0))
    smoother.update(1, p(sad=0.9), 0.0)
    assert smoother.update(1, p(happy=0.9), 0.01)[0] == "happy"


def test_faces_do_not_mix_and_are_forgotten() -> None:
    smoother = Smoother()
    smoother.update(1, p(sad=0.9), 0.0)
    assert smoother.update(2, p(happy=0.9), 0.0)[0] == "happy"
    smoother.keep_only({2})
    assert smoother.update(1, p(angry=0.9), 0.01)[0] == "angry"


def test_margin_holds_the_label() -> None:
    settings = SmoothingSettings(margin=0.2, threshold=0.2)
    assert choose_label(p(sad=0.40, neutral=0.45), settings, "sad") == "sad"
    assert choose_label(p(sad=0.35, neutral=0.45), settings, "sad") == "neutral"
    # A share of the leader, not a number of points.
    assert choose_label(p(sad=0.40, neutral=0.51), settings, "sad") == "neutral"
    assert choose_label(p(sad=0.20, neutral=0.24), settings, "sad") == "sad"
    assert choose_label(p(sad=0.40, neutral=0.45), settings) == "neutral"


def test_uncertain_below_the_threshold_with_hysteresis() -> None:
    settings = SmoothingSettings(margin=0.2, threshold=0.4)
    assert choose_label(p(sad=0.38), settings) == UNCERTAIN
    assert choose_label(p(sad=0.38), settings, "sad") == "sad"
    assert choose_label(p(sad=0.34), settings, "sad") == UNCERTAIN
    assert choose_label(p(sad=0.38), settings, UNCERTAIN) == UNCERTAIN
    assert choose_label(p(sad=0.41), settings, UNCERTAIN) == "sad"


def test_a_clock_that_steps_back_does_no_harm() -> None:
    smoother = Smoother()
    smoother.update(1, p(sad=0.9), 100.0)
    label, _, filtered = smoother.update(1, p(happy=0.9), 50.0)
    assert label == "sad" and np.isfinite(filtered).all()
