"""What changed is told by part; noise, light and known people are no change."""

from __future__ import annotations

import numpy as np
import pytest

from fer_runtime.arrays import Image
from fer_runtime.faces.changes import Changes
from fer_runtime.faces.scan import parts

NOBODY: list[tuple[float, float, float, float]] = []


def _scene(width: int, height: int) -> Image:
    """Return a picture of soft patches."""
    rng = np.random.default_rng(0)
    patches = rng.integers(40, 200, (height // 40 + 1, width // 40 + 1, 3))
    return np.asarray(patches.repeat(40, 0).repeat(40, 1)[:height, :width], np.uint8)


def _searched(changes: Changes, frame: Image, count: int) -> None:
    for number in range(count):
        changes.searched(number, changes.blocks(frame))


def test_what_was_never_searched_is_new() -> None:
    all_parts = parts(640, 480, 24)
    changes, frame = Changes(all_parts, 640, 480), _scene(640, 480)
    blocks = changes.blocks(frame)
    assert changes.parts(blocks, NOBODY).all()
    changes.searched(3, blocks)
    assert changes.parts(blocks, NOBODY).tolist() == [n != 3 for n in range(len(all_parts))]


@pytest.mark.parametrize(
    "size", [(640, 480), (1920, 1080), (641, 479), (480, 640), (160, 120), (2000, 60)]
)
def test_somebody_new_changes_the_parts_that_show_them(size: tuple[int, int]) -> None:
    width, height = size
    all_parts = parts(width, height, 24)
    changes, frame = Changes(all_parts, width, height), _scene(width, height)
    _searched(changes, frame, len(all_parts))
    assert not changes.parts(changes.blocks(frame), NOBODY).any()
    # The smallest whom the coarse search surely finds, or larger.
    side = max(width // 10, round(24 / all_parts[0].scale))
    x, y = min(round(0.7 * width), width - side), max(0, min(round(0.6 * height), height - side))
    frame[y : y + side, x : x + side] += 128  # darker or brighter everywhere: it goes round
    changed = changes.parts(changes.blocks(frame), NOBODY)
    assert changed[0]
    for part, is_changed in zip(all_parts, changed, strict=True):
        wholly = part.x <= x and x + side <= part.x + part.w
        wholly &= part.y <= y and y + side <= part.y + part.h
        apart = part.x + part.w < x - side or part.x > x + 2 * side
        apart |= part.y + part.h < y - side or part.y > y + 2 * side
        assert is_changed or not wholly
        assert not (is_changed and apart)


def test_noise_is_no_change() -> None:
    all_parts = parts(640, 480, 24)
    changes, frame = Changes(all_parts, 640, 480), _scene(640, 480)
    rng = np.random.default_rng(1)

    def noisy() -> Image:
        return np.clip(frame + rng.normal(0, 6, frame.shape), 0, 255).astype(np.uint8)

    _searched(changes, noisy(), len(all_parts))
    told = [changes.parts(changes.blocks(noisy()), NOBODY).mean() for _ in range(20)]
    assert np.mean(told) < 0.05


@pytest.mark.parametrize("gain", [0.6, 1.25])
def test_light_that_changes_everywhere_is_no_change(gain: float) -> None:
    all_parts = parts(640, 480, 24)
    changes, frame = Changes(all_parts, 640, 480), _scene(640, 480)
    _searched(changes, frame, len(all_parts))
    lit = np.clip(frame * gain, 0, 255).astype(np.uint8)
    assert not changes.parts(changes.blocks(lit), NOBODY).any()


def test_what_known_people_move_is_theirs() -> None:
    all_parts = parts(640, 480, 24)
    changes, frame = Changes(all_parts, 640, 480), _scene(640, 480)
    _searched(changes, frame, len(all_parts))
    face = (300.0, 120.0, 40.0, 50.0)
    for rows, columns in ((slice(100, 170), slice(280, 360)), (slice(180, 350), slice(240, 400))):
        frame[rows, columns] = 255 - frame[rows, columns]  # head and hair, shoulders and body
    assert changes.parts(changes.blocks(frame), NOBODY).any()
    assert not changes.parts(changes.blocks(frame), [face]).any()
    # Somebody who looks out beside the head is somebody else.
    beside = frame.copy()
    beside[100:150, 380:420] = 255 - beside[100:150, 380:420]
    assert changes.parts(changes.blocks(beside), [face]).any()
    # A box outside the frame hides nothing in it.
    assert changes.parts(changes.blocks(frame), [(-300.0, -300.0, 40.0, 50.0)]).any()


def test_a_black_frame_is_one_like_any_other() -> None:
    all_parts = parts(640, 480, 24)
    changes, black = Changes(all_parts, 640, 480), np.zeros((480, 640, 3), np.uint8)
    _searched(changes, black, len(all_parts))
    assert not changes.parts(changes.blocks(black), NOBODY).any()
    assert changes.parts(changes.blocks(_scene(640, 480)), NOBODY).all()
