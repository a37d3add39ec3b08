"""The demo scene: the same every time, cheap, and full of what a camera sees."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fer_runtime.faces.pipeline import EmotionPipeline
from fer_runtime.frames.scene import PERIOD_S, DemoScene

FRAMES = round(PERIOD_S * 30)


@pytest.fixture(scope="module")
def faces(demo_frames: Callable[[int], np.ndarray]) -> dict[int, list[tuple[int, int, int, int]]]:
    """Boxes in every fifth frame of one period, by frame."""
    pipeline = EmotionPipeline()
    return {i: [r.box for r in pipeline.analyze(demo_frames(i))] for i in range(0, FRAMES, 5)}


def at(
    faces: dict[int, list[tuple[int, int, int, int]]], start_s: float, end_s: float
) -> list[int]:
    """Return the numbers of faces between two times."""
    return [len(boxes) for i, boxes in faces.items() if start_s <= i / 30 < end_s]


def test_a_frame_depends_on_its_number_alone(portrait: np.ndarray) -> None:
    a, b = DemoScene(portrait), DemoScene(portrait)
    for index in (0, 599, 42, 450, 42):
        assert (a.frame(index) == b.frame(index)).all()
    assert (a.frame(42) != a.frame(43)).any()
    assert (a.frame(7) == a.frame(7 + FRAMES)).all()
    assert a.frame(0).dtype == np.uint8 and a.frame(0).shape == (480, 640, 3)


def test_the_scene_can_be_repeated_without_a_jump(portrait: np.ndarray) -> None:
    scene = DemoScene(portrait)

    def step(i: int) -> float:
        return float(np.abs(scene.frame(i).astype(int) - scene.frame(i + 1)).mean())

    around = max(step(i) for i in range(FRAMES - 12, FRAMES - 2))
    assert step(FRAMES - 1) < 2 * around


def test_frames_stay_as_they_were_given_out(portrait: np.ndarray) -> None:
    scene = DemoScene(portrait)
    scene.frame(30)[:] = 0
    assert scene.frame(30).mean() > 40
    assert portrait.mean() > 40


def test_one_person_then_nobody_then_one_then_two(
    faces: dict[int, list[tuple[int, int, int, int]]],
) -> None:
    assert set(at(faces, 0, 6)) == {1}
    assert set(at(faces, 8, 9)) == {0}
    assert set(at(faces, 10.5, 15)) == {1}  # also while the light is low
    assert set(at(faces, 16.5, 19)) == {2}


def test_the_person_comes_near_and_goes_far(
    faces: dict[int, list[tuple[int, int, int, int]]],
) -> None:
    heights = [boxes[0][3] for i, boxes in faces.items() if i < 180]
    assert max(heights) > 1.5 * min(heights) and min(heights) > 50


def test_the_light_goes_down_and_comes_back(demo_frames: Callable[[int], np.ndarray]) -> None:
    dark, bright = (demo_frames(round(s * 30)).mean() for s in (12.75, 10.9))
    assert dark < 0.4 * bright
    assert demo_frames(round(14.6 * 30)).mean() > 0.9 * bright


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (640, 480), (120, 160)])
def test_other_sizes_and_portraits(portrait: np.ndarray, size: tuple[int, int]) -> None:
    for picture in (portrait, cv2.resize(portrait, (301, 640))):
        scene = DemoScene(picture, size=size, fps=10)
        for index in (0, 75, 85, 130, 170):
            assert scene.frame(index).shape == (*size, 3)


def test_the_rate_of_frames_does_not_change_the_scene(portrait: np.ndarray) -> None:
    slow, fast = DemoScene(portrait, fps=15), DemoScene(portrait, fps=30)
    assert (slow.frame(50) == fast.frame(100)).all()
