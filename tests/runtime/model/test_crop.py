"""The crop: golden arrays, borders, colours, quantisation."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fer_runtime.model.crop import crop_face, crop_picture, to_model_input


def ramp() -> np.ndarray:
    """A frame of 300×200 whose blue is x, green is y, red is 7."""
    y, x = np.mgrid[0:200, 0:300]
    return np.dstack([x % 256, y % 256, np.full_like(x, 7)]).astype(np.uint8)


def test_crop_is_a_square_of_box_height_centred_on_the_box() -> None:
    frame = ramp()
    # 30 wide, 48 high: the square is 48x48 around (115, 84), so nothing is resampled.
    crop = crop_face(frame, (100, 60, 30, 48), color="bgr")
    np.testing.assert_array_equal(crop, frame[60:108, 91:139])


def test_crop_golden_values() -> None:
    crop = crop_face(ramp(), (100, 60, 70, 96))
    assert crop.shape == (48, 48) and crop.dtype == np.uint8
    # By hand: the 2x2 block at (x, y) = (87, 60) has mean B 87.5, G 60.5, R 7.
    grey = round(0.114 * 87.5 + 0.587 * 60.5 + 0.299 * 7)
    assert abs(int(crop[0, 0]) - grey) <= 1
    # One column is two pixels of blue, one row two pixels of green.
    assert int(crop[0, 47]) - int(crop[0, 0]) == pytest.approx(0.114 * 94, abs=1.5)
    assert int(crop[47, 0]) - int(crop[0, 0]) == pytest.approx(0.587 * 94, abs=1.5)


def test_scale_changes_the_side_only() -> None:
    frame = ramp()
    crop = crop_face(frame, (100, 60, 40, 40), scale=1.2, color="bgr")
    np.testing.assert_array_equal(crop, frame[56:104, 96:144])


@pytest.mark.parametrize("box", [(-20, -20, 48, 48), (280, 180, 48, 48), (-90, 50, 48, 48)])
def test_border_is_replicated(box: tuple[int, int, int, int]) -> None:
    frame = ramp()
    crop = crop_face(frame, box, color="bgr")
    x = np.clip(np.arange(box[0], box[0] + 48), 0, 299)
    y = np.clip(np.arange(box[1], box[1] + 48), 0, 199)
    np.testing.assert_array_equal(crop, frame[np.ix_(y, x)])


def test_box_far_outside_repeats_the_nearest_edge() -> None:
    crop = crop_face(ramp(), (5000, 5000, 60, 60), color="bgr")
    assert (crop == ramp()[199, 299]).all()


def test_colors() -> None:
    frame = ramp()
    box = (100, 60, 48, 48)
    bgr = crop_face(frame, box, color="bgr")
    np.testing.assert_array_equal(crop_face(frame, box, color="rgb"), bgr[:, :, ::-1])
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    np.testing.assert_array_equal(crop_face(frame, box), crop_face(grey, box))
    assert (crop_face(grey, box, color="rgb") == crop_face(grey, box)[..., None]).all()


def test_a_ready_crop_comes_back_unchanged() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (48, 48), np.uint8)
    np.testing.assert_array_equal(crop_picture(picture), picture)


@pytest.mark.parametrize(
    "frame", [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3))]
)
def test_bad_frames(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="frame: expected"):
        crop_face(frame, (0, 0, 4, 4))


@pytest.mark.parametrize("box", [(0, 0, 4, 0), (0, 0, 0, 4), (float("nan"), 0, 4, 4)])
def test_bad_boxes(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="face box: expected"):
        crop_face(ramp(), box)


def test_float_input_is_scaled() -> None:
    crops = np.array([[[0, 255]]], np.uint8)
    out = to_model_input(crops, multiply=1 / 255, add=-0.5)
    assert out.shape == (1, 1, 2, 1) and out.dtype == np.float32
    np.testing.assert_allclose(out.ravel(), [-0.5, 0.5], atol=1e-6)


def test_quantised_input_follows_the_specification() -> None:
    crops = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    out = to_model_input(crops, dtype=np.int8, quantization=(1.0, -128))
    np.testing.assert_array_equal(out.ravel(), np.arange(-128, 128))
    half = to_model_input(crops, dtype=np.uint8, quantization=(2.0, 0))
    np.testing.assert_array_equal(half.ravel(), np.rint(np.arange(256) / 2).astype(np.uint8))
