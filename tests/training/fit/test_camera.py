"""What cameras do, as augmentation; the momentum of the mean of weights; bfloat16's flag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trainer_runs import bars

from fer_training.fit.augmentation import augment_crops
from fer_training.fit.camera_augmentation import camera_frames
from fer_training.fit.processor import has_bfloat16
from fer_training.fit.recipe import Augment, Recipe
from fer_training.fit.schedule import ema_momentum

STILL = Augment(flip=False, rotation_deg=0, zoom=0, aspect=0, shift=0, brightness=0, contrast=0,
                erase=0, mix=0)  # fmt: skip


def test_the_share_of_spoilt_pictures_is_the_recipes_and_repeats() -> None:
    rng = np.random.default_rng(0)
    crops = np.stack([bars(k % 7, rng) for k in range(400)])
    spoilt = augment_crops(crops, replace(STILL, camera=0.33), np.random.default_rng(1))
    changed = [bool((a != b).any()) for a, b in zip(spoilt, crops, strict=True)]
    # 0.33 are chosen, and to one of twenty of those nothing happens (0.65 ** 7).
    assert 0.25 < np.mean(changed) < 0.38
    again = augment_crops(crops, replace(STILL, camera=0.33), np.random.default_rng(1))
    np.testing.assert_array_equal(spoilt, again)
    assert spoilt.min() >= 0 and spoilt.max() <= 255


def test_each_kind_of_spoiling_happens() -> None:
    picture = bars(5, np.random.default_rng(0)).astype(np.float32)[np.newaxis]
    sharp = float(np.abs(np.diff(picture)).mean())
    looks = [camera_frames(picture, np.random.default_rng(i)) for i in range(200)]
    rough = [float(np.abs(np.diff(x)).mean()) for x in looks]
    assert min(rough) < 0.5 * sharp, "blur, few pixels or fog"
    assert max(rough) > 1.2 * sharp, "noise"
    means = [float(x.mean()) for x in looks]
    assert min(means) < 100 and max(means) > 150, "gamma and fog"
    sides = [float(x[0, :, :24].mean() - x[0, :, 24:].mean()) for x in looks]
    assert min(sides) < -20 and max(sides) > 20, "light from one side"


def test_frames_of_a_sequence_are_spoilt_alike_but_for_noise() -> None:
    picture = bars(2, np.random.default_rng(0)).astype(np.float32)
    for seed in range(30):
        two = camera_frames(np.stack([picture, picture]), np.random.default_rng(seed))
        assert abs(float(two[0].mean() - two[1].mean())) < 3
        assert two.shape == (2, 48, 48) and two.dtype == np.float32


@pytest.mark.parametrize(
    ("steps", "wanted"), [(400, 0.975), (2240, 1 - 10 / 2240), (100_000, 0.999), (5, 0.0)]
)
def test_a_short_run_does_not_ship_the_weights_that_it_began_with(
    steps: int, wanted: float
) -> None:
    momentum = ema_momentum(Recipe(ema=0.999), steps)
    assert momentum == pytest.approx(wanted)
    if 10 < steps < 10_000:
        assert momentum**steps < 1e-4  # what is left of the first weights
    assert ema_momentum(Recipe(ema=0.0), steps) == 0.0


def test_bfloat16_is_used_where_the_processor_says_so(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    for flags, wanted in (("fpu avx512f avx512_bf16", True), ("fpu amx_bf16", True),
                          ("fpu avx512f avx512_bf16x", False), ("fpu", False)):  # fmt: skip
        info.write_text(f"processor\t: 0\nflags\t\t: {flags}\n", "utf-8")
        assert has_bfloat16(info) is wanted
    assert not has_bfloat16(tmp_path / "none")
