"""The filter and the hysteresis, on an injected clock."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fer_runtime.faces.claim import choose_label
from fer_runtime.faces.smoothing import Smoother
from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.settings.faces import SmoothingSettings


def p(**values: float) -> np.ndarray:
    rest = (1 - sum(values.values())) / (7 - len(values))
    return np.array([values.get(e, rest) for e in EMOTIONS], np.float32)


@pytest.mark.parametrize("fps", [15, 30, 60])
def test_a_change_that_lasts_is_shown_at_any_frame_rate(fps: int) -> None:
    smoother = Smoother()
    for i in range(2 * fps):
        smoother.update(1, p(sad=0.9), i / fps)
    shown = [smoother.update(1, p(happy=0.9), 2 + i / fps)[0] for i in range(fps)]
    assert set(shown) == {"sad", "happy"}
    # A face at rest needs no confirmation, but a frame of 60 a second is not enough.
    assert 0.05 <= shown.index("happy") / fps <= 0.2


@pytest.mark.parametrize("fps", [15, 30])
@pytest.mark.parametrize("share", [0.5, 0.7, 0.8])
def test_a_mouth_that_speaks_is_no_surprise(fps: int, share: float) -> None:
    """After a quiet second four bursts a second, of a tenth of a second each."""
    smoother = Smoother()
    shown = set()
    for i in range(10 * fps):
        talks = i > fps and i / fps % 0.25 < 0.1
        row = p(surprise=share) if talks else p(neutral=0.8)
        shown.add(smoother.update(1, row, i / fps)[0])
    assert shown == {"neutral"}


def test_frames_that_come_late_count_once() -> None:
    """After a gap one odd frame is no proof, and the frame rate does not multiply evidence."""
    smoother = Smoother()
    for i in range(30):
        smoother.update(1, p(sad=0.9), i / 30)
    assert smoother.update(1, p(happy=0.5, sad=0.3), 1.9)[0] == "sad"
    # The same probabilities at twice the rate: as sure as before.
    beliefs = []
    for fps in (30, 60):
        smoother = Smoother()
        for i in range(fps):
            smoother.update(1, p(sad=0.9), i / fps)
        for i in range(fps // 5 + 1):
            smoother.update(1, p(happy=0.9), 1 + i / fps)
        beliefs.append(smoother._faces[1].belief.sum(axis=0)[EMOTIONS.index("happy")])
    assert beliefs[0] == pytest.approx(beliefs[1], abs=0.12)


def test_a_first_frame_that_misleads_is_overcome() -> None:
    smoother = Smoother()
    assert smoother.update(1, p(surprise=0.9), 0.0)[0] == "surprise"
    shown = [smoother.update(1, p(neutral=0.8), i / 30)[0] for i in range(1, 30)]
    assert shown.index("neutral") / 30 <= 0.4 and shown[-1] == "neutral"


def test_what_stands_beside_the_label_is_a_mean_and_no_belief() -> None:
    smoother = Smoother(SmoothingSettings(mean_s=0.5))
    for i in range(300):
        label, confidence, mean = smoother.update(1, p(sad=0.5, neutral=0.3), i / 30)
    assert label == "sad" and confidence == pytest.approx(0.5, abs=1e-3)
    assert mean.sum() == pytest.approx(1, abs=1e-4)
    # After half a second of something else, exp(-1) of it is left.
    for i in range(15):
        _, _, mean = smoother.update(1, p(happy=1.0), 10 + i / 30)
    assert mean[EMOTIONS.index("sad")] == pytest.approx(0.5 * np.exp(-1), abs=0.01)


def test_no_mean() -> None:
    smoother = Smoother(SmoothingSettings(mean_s=0))
    smoother.update(1, p(sad=0.9), 0.0)
    assert smoother.update(1, p(happy=0.9), 0.01)[2] == pytest.approx(p(happy=0.9), abs=1e-6)


def test_impossible_is_not_for_ever() -> None:
    smoother = Smoother()
    certain = p(sad=1.0)
    for i in range(300):
        smoother.update(1, certain, i / 30)
    shown = [smoother.update(1, p(happy=1.0), 10 + i / 30)[0] for i in range(30)]
    assert shown.index("happy") / 30 <= 0.4


def test_faces_do_not_mix_and_are_forgotten() -> None:
    smoother = Smoother()
    smoother.update(1, p(sad=0.9), 0.0)
    assert smoother.update(2, p(happy=0.9), 0.0)[0] == "happy"
    smoother.keep_only({2})
    assert smoother.update(1, p(angry=0.9), 0.01)[0] == "angry"


@pytest.mark.parametrize("looks", [7.5, 10, 30])
@pytest.mark.parametrize(("talks", "share"), [(False, 0.6), (True, 0.95)])
def test_one_odd_look_is_not_shown(looks: float, talks: bool, share: float) -> None:
    """Of a face at rest a doubtful one, of a talker any."""
    smoother = Smoother()
    before = [p(surprise=0.7) if talks and i % 4 == 3 else p(sad=0.9) for i in range(31)]
    rows = [*before, p(happy=share), *[p(sad=0.9)] * 10]
    assert {smoother.update(1, row, i / looks)[0] for i, row in enumerate(rows)} == {"sad"}


def test_what_leads_a_talkers_label_is_shown_after_its_time() -> None:
    late = []
    for confirm_s in (0.0, 0.1, 0.3):
        smoother = Smoother(SmoothingSettings(confirm_s=confirm_s))
        for i in range(32):
            smoother.update(1, p(surprise=0.7) if i % 4 == 3 else p(sad=0.9), i / 10)
        rows = [smoother.update(1, p(happy=0.9), 3.2 + i / 10)[0] for i in range(20)]
        late.append(rows.index("happy"))
    # Counted from halfway between two looks: at ten a second one more look for 0.1 s.
    assert late == [late[0], late[0] + 1, late[0] + 3]


def test_a_slow_source_needs_no_second_look() -> None:
    smoother = Smoother()
    for i in range(10):
        smoother.update(1, p(sad=0.9), i / 4)
    assert smoother.update(1, p(happy=0.9), 2.5)[0] == "happy"


def test_challengers_that_take_turns_confirm_none() -> None:
    smoother = Smoother(SmoothingSettings(confirm_s=0.3, margin=0.0))
    for i in range(32):
        smoother.update(1, p(surprise=0.7) if i % 4 == 3 else p(sad=0.9), i / 10)
    rows = [p(happy=0.95) if i % 2 else p(angry=0.95) for i in range(4)]
    assert {smoother.update(1, row, 3.2 + i / 10)[0] for i, row in enumerate(rows)} == {"sad"}


@pytest.mark.parametrize("looks", [7.5, 10])
def test_a_face_at_rest_is_believed_at_the_first_look(looks: float) -> None:
    """A change that lasts is no flicker; only a newcomer, who may talk, waits for one look more."""
    smoother = Smoother()
    emotions, many = ("sad", "happy", "neutral", "angry"), round(1.5 * looks)
    rows = [e for e in emotions for _ in range(many)]
    shown = [smoother.update(1, p(**{e: 0.9}), i / looks)[0] for i, e in enumerate(rows)]
    assert [shown.index(e) - rows.index(e) for e in emotions] == [0, 1, 0, 0]


def test_a_talker_who_pauses_is_a_talker_still() -> None:
    """Three bursts, a second of quiet, and the next one is not shown."""
    smoother = Smoother()
    rows = [p(surprise=0.7) if i in (13, 17, 21) else p(sad=0.9) for i in range(32)]
    rows += [p(happy=0.95), *[p(sad=0.9)] * 5]
    assert {smoother.update(1, row, i / 10)[0] for i, row in enumerate(rows)} == {"sad"}


def test_who_talks_is_believed_later_than_a_face_at_rest() -> None:
    """The same change, after ten seconds without bursts and with them."""
    late = []
    for talks in (False, True):
        smoother = Smoother()
        for i in range(100):
            burst = talks and i % 4 == 3
            smoother.update(1, p(surprise=0.7) if burst else p(neutral=0.9), i / 10)
        rows = [smoother.update(1, p(happy=0.7), 10 + i / 10)[0] for i in range(30)]
        late.append(rows.index("happy"))
    assert late[0] < late[1]


def test_margin_holds_the_label() -> None:
    shown = []
    for margin in (0.0, 0.95):
        smoother = Smoother(SmoothingSettings(margin=margin))
        for i in range(30):
            smoother.update(1, p(sad=0.9), i / 30)
        rows = [smoother.update(1, p(happy=0.8), 1 + i / 30)[0] for i in range(60)]
        shown.append(rows.index("happy"))
    assert shown[0] < shown[1]


def test_a_single_picture_is_uncertain_below_the_threshold() -> None:
    settings = SmoothingSettings(threshold=0.4)
    assert choose_label(p(sad=0.38), settings) == UNCERTAIN
    assert choose_label(p(sad=0.41), settings) == "sad"


def test_uncertain_goes_by_seconds_and_does_not_blink() -> None:
    smoother = Smoother(SmoothingSettings(threshold=0.4))
    label, confidence, _ = smoother.update(1, p(sad=0.38), 0.0)
    assert label == UNCERTAIN and confidence == pytest.approx(0.38)
    # A second of sharp pictures ends it; a glimpse does not.
    shown = [smoother.update(1, p(sad=0.5), i / 10)[0] for i in range(1, 20)]
    assert shown[0] == UNCERTAIN and shown[-1] == "sad"
    assert sum(a != b for a, b in itertools.pairwise(shown)) == 1
    # Around the threshold nothing blinks.
    rows = [p(sad=0.42) if i % 2 else p(sad=0.36) for i in range(100)]
    assert {smoother.update(1, row, 2 + i / 10)[0] for i, row in enumerate(rows)} == {"sad"}
    # A filter's claim is of single looks, and given up below eight tenths of the threshold.
    assert {smoother.update(1, p(sad=0.33), 12 + i / 10)[0] for i in range(100)} == {"sad"}
    shown = [smoother.update(1, p(sad=0.31), 22 + i / 10)[0] for i in range(100)]
    assert shown[-1] == UNCERTAIN
    assert sum(a != b for a, b in itertools.pairwise(shown)) == 1


def test_looks_that_disagree_are_uncertain_however_sure_each_is() -> None:
    smoother = Smoother()
    rows = [p(**{EMOTIONS[i % 7]: 0.7}) for i in range(60)]
    shown = [smoother.update(1, row, i / 10)[0] for i, row in enumerate(rows)]
    assert set(shown[40:]) == {UNCERTAIN}


def test_a_change_between_sure_looks_is_never_uncertain() -> None:
    smoother = Smoother(SmoothingSettings(threshold=0.6))
    rows = [p(sad=0.8)] * 30 + [p(happy=0.8)] * 30
    shown = {smoother.update(1, row, i / 10)[0] for i, row in enumerate(rows)}
    assert shown == {"sad", "happy"}


def test_a_clock_that_steps_back_does_no_harm() -> None:
    smoother = Smoother()
    smoother.update(1, p(sad=0.9), 100.0)
    label, _, filtered = smoother.update(1, p(happy=0.9), 50.0)
    assert label == "sad" and np.isfinite(filtered).all()
