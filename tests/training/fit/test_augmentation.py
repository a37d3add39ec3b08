"""Random changes of crops, on the arrays themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trainer_runs import bars

from fer_training.fit.augmentation import augment_crops, mix_batch
from fer_training.fit.recipe import Augment

STILL = Augment(flip=False, rotation_deg=0, zoom=0, aspect=0, shift=0, brightness=0, contrast=0,
                erase=0, mix=0)  # fmt: skip


def test_no_augmentation_leaves_pictures_alone() -> None:
    rng = np.random.default_rng(0)
    crops = np.stack([bars(k, rng) for k in range(7)])
    np.testing.assert_array_equal(augment_crops(crops, STILL, rng), crops)


def test_augmentation_is_repeatable_bounded_and_different_for_each_picture() -> None:
    rng = np.random.default_rng(0)
    crops = np.stack([bars(3, rng)] * 6)
    one = augment_crops(crops, Augment(), np.random.default_rng(5))
    two = augment_crops(crops, Augment(), np.random.default_rng(5))
    np.testing.assert_array_equal(one, two)
    assert one.shape == crops.shape
    assert one.min() >= 0
    assert one.max() <= 255
    assert len({a.tobytes() for a in one}) == 6


def test_flip_is_an_exact_mirror_and_frames_of_a_sequence_move_alike() -> None:
    picture = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))
    crops = np.stack([np.stack([picture, picture])] * 40)  # (40, 2, 48, 48)
    out = augment_crops(crops, replace(STILL, flip=True), np.random.default_rng(1))
    mirrored = [bool((o[0] == picture[:, ::-1]).all()) for o in out]
    assert 8 < sum(mirrored) < 32
    for o, flipped in zip(out, mirrored, strict=True):
        np.testing.assert_array_equal(o[0], picture[:, ::-1] if flipped else picture)
        np.testing.assert_array_equal(o[0], o[1])


def test_rotation_turns_about_the_centre() -> None:
    picture = np.zeros((48, 48), np.uint8)
    picture[22:26, 22:26] = 255
    out = augment_crops(np.stack([picture] * 8), replace(STILL, rotation_deg=90.0),
                        np.random.default_rng(2))  # fmt: skip
    rows, columns = np.mgrid[:48, :48]
    for o in out:
        centre = [(o * axis).sum() / o.sum() for axis in (rows, columns)]
        assert centre == pytest.approx([23.5, 23.5], abs=0.2)


def test_mixing_shares_pixels_and_targets_alike() -> None:
    crops = np.stack([np.full((48, 48), v, np.float32) for v in (0, 100, 200)])
    targets = {"fer2013": np.eye(7, dtype=np.float32)[:3]}
    kinds = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        mixed, blended = mix_batch(crops, targets, replace(STILL, mix=1.0), rng)
        expected = blended["fer2013"][:, :3] @ np.array([0.0, 100.0, 200.0])
        np.testing.assert_allclose(mixed.mean(axis=(1, 2)), expected, atol=0.01)
        np.testing.assert_allclose(blended["fer2013"].sum(axis=1), 1.0, atol=1e-6)
        kinds.add(all(len(np.unique(m)) == 1 for m in mixed))
    assert kinds == {True, False}  # mixup gives one grey, cutmix two
    same, _ = mix_batch(crops, targets, STILL, np.random.default_rng(0))
    assert same is crops
