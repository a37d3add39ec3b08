"""The figures of calm.py, on sequences made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import calm
import calm_sequences
from calm_sequences import Sequence


def sequence(fps: int, classes: list[int], part: list[int]) -> Sequence:
    raw = np.full((len(classes), 7), 0.02, np.float32)
    raw[np.arange(len(classes)), classes] = 0.88
    return Sequence(raw, np.array(part), np.array(classes), np.zeros(len(classes), bool), fps)


def test_a_flash_is_a_label_of_five_frames_at_most() -> None:

    frames = sequence(30, [0] * 60, [0] * 60)
    for length, expected in ((1, 1), (5, 1), (6, 0)):
        shown = np.zeros(60, np.int64)
        shown[20 : 20 + length] = 3
        assert calm.flashes(frames, shown) == expected
    assert calm.flashes(frames, np.repeat([0, 3], 30)) == 0


def test_delay_counts_from_the_change_of_the_picture() -> None:

    change = sequence(30, [5] * 60 + [3] * 60, [0] * 60 + [1] * 60)
    shown = np.array([5] * 66 + [3] * 54)
    assert calm.delays(change, shown) == [(pytest.approx(0.2), True)]
    figures, share = calm.measure([change], lambda _: shown)
    assert figures["changes a second"] == pytest.approx(0.25)
    assert figures["accuracy"] == pytest.approx(114 / 120) and share == [pytest.approx(114 / 120)]


@pytest.mark.parametrize(("fps", "apart"), [(15, 2), (30, 3), (60, 6)])
def test_looks_come_as_often_as_the_pipelines(
    fps: int, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:

    looked: list[float] = []

    class Spy:
        def __init__(self, settings: object) -> None:
            assert settings is None

        def update(self, _face: int, _raw: object, now: float) -> tuple[str]:
            looked.append(now)
            return ("sad",)

    monkeypatch.setattr(calm, "Smoother", Spy)
    calm.filtered(sequence(fps, [5] * fps * 3, [0] * fps * 3))
    assert np.allclose(np.diff(looked), apart / fps)


def test_between_two_looks_the_label_is_that_of_the_last() -> None:

    classes = [5, 3, 3, 3, 5, 5, 5, 3, 5, 3]
    frames = sequence(30, classes, [0] * 10)
    assert calm_sequences.looks(10, 30).tolist() == [0, 0, 0, 3, 3, 3, 6, 6, 6, 9]
    assert calm.looked(frames).tolist() == [5, 5, 5, 3, 3, 3, 5, 5, 5, 3]
    assert calm_sequences.looks(10, 30, 1000.0).tolist() == list(range(10))


def test_probabilities_are_kept_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    made = [sequence(15, [5, 3], [0, 1]), sequence(15, [1, 2], [0, 1])]
    calls = []
    monkeypatch.setattr(calm_sequences, "make", lambda *given: calls.append(given) or made)
    for _ in range(2):
        back = calm_sequences.kept(Path("validation"), "talk", "blend", 15, 2, 7, tmp_path / "kept")
        for a, b in zip(made, back, strict=True):
            np.testing.assert_array_equal(a.raw, b.raw)
            np.testing.assert_array_equal(a.truth, b.truth)
            assert b.fps == 15
    assert len(calls) == 1
