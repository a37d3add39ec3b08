"""Parts of the trainer that need no framework: recipes, augmentation, targets, records."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from trainer_runs import bars

from fer_runtime.errors import ConfigError, ModelError, OutputError
from fer_training.atomic import replacing, write_text
from fer_training.data.datasets import Pictures
from fer_training.data.ferplus import VOTE_COLUMNS
from fer_training.fit.augmentation import augment_crops, mix_batch
from fer_training.fit.recipe import Augment, Recipe, load_recipe, recipe_from_dict, recipe_names
from fer_training.fit.targets import class_weights, make_targets
from fer_training.nets import record as records
from fer_training.nets.heads import FERPLUS_CLASSES, FERPLUS_TO_EMOTIONS, HEADS

STILL = Augment(flip=False, rotation_deg=0, zoom=0, aspect=0, shift=0, brightness=0, contrast=0,
                erase=0, mix=0)  # fmt: skip


def test_every_recipe_of_the_package_is_whole_and_commented() -> None:
    assert {"seed", "edge24", "edge32", "edge24-finetune", "edge24-gru", "smoke",
            "teacher-resnet", "teacher-vgg"} <= set(recipe_names())  # fmt: skip
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe_from_dict(recipe.as_dict()) == recipe
    assert load_recipe("seed").batch_size == 32
    assert load_recipe("seed").augment == replace(STILL)


def test_changes_reach_nested_keys_and_keep_their_types() -> None:
    recipe = load_recipe("edge24", {"augment.zoom": "0.5", "learning_rate": "1e-3", "epochs": "7"})
    assert recipe.augment.zoom == 0.5
    assert recipe.learning_rate == 0.001
    assert recipe.epochs == 7
    assert recipe.augment.rotation_deg == 20.0
    with pytest.raises(ConfigError, match="erase_min_px is larger"):
        load_recipe("edge24", {"augment.erase_min_px": 30})


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


def test_targets_of_both_heads_with_and_without_a_teacher() -> None:
    votes = np.zeros((3, 10), np.int64)
    votes[0, VOTE_COLUMNS.index("happiness")] = 10
    votes[1, [VOTE_COLUMNS.index("sadness"), VOTE_COLUMNS.index("neutral")]] = 6, 4
    pictures = Pictures(
        np.zeros((3, 48, 48), np.uint8), np.array([3, 5, 0]), ["a", "b", "c"], votes
    )
    recipe = Recipe(label_smoothing=0.1)
    targets = make_targets(pictures, recipe)
    assert targets["fer2013"][0, 3] == pytest.approx(0.9 + 0.1 / 7)
    assert targets["ferplus"][1].tolist() == pytest.approx([0.4, 0, 0, 0.6, 0, 0, 0, 0])
    assert targets["ferplus"][2].sum() == 0
    soft = {h: np.full((3, len(c)), 1 / len(c), np.float32) for h, c in HEADS.items()}
    both = make_targets(pictures, replace(recipe, distil=0.8, teacher="t.keras"), soft)
    assert both["fer2013"][0, 3] == pytest.approx(0.2 * (0.9 + 0.1 / 7) + 0.8 / 7)
    np.testing.assert_allclose(both["ferplus"][2], 1 / 8)  # no votes: the teacher alone
    weighted = make_targets(pictures, replace(recipe, class_weights="balanced"))
    np.testing.assert_allclose(weighted["fer2013"].sum(axis=1), 1 / 7 * 3, rtol=1e-5)
    rare = class_weights(np.array([0, 0, 0, 1]))
    assert rare[1] == pytest.approx(3 * rare[0])


def test_the_ferplus_head_is_brought_into_our_order() -> None:
    names = [FERPLUS_CLASSES[i] for i in FERPLUS_TO_EMOTIONS]
    assert names == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]


def test_record_in_both_formats(tmp_path: Path) -> None:
    zipped, hdf = tmp_path / "m.keras", tmp_path / "m.h5"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("config.json", "{}")
    with h5py.File(hdf, "w") as file:
        file.attrs["model_config"] = "{}"
    for path in (zipped, hdf):
        assert records.read_record(path) is None
        for temperature in (0.7, 1.3):  # the second replaces the first
            record = records.new_record()
            record["heads"]["ferplus"]["temperature"] = temperature
            records.write_record(path, record)
            assert records.read_record(path) == json.loads(json.dumps(record))
        assert records.temperature_of(records.read_record(path), "ferplus") == 1.3
        assert records.temperature_of(records.read_record(path), "fer2013") == 1.0
    assert zipfile.ZipFile(zipped).namelist() == ["config.json", "fer_metadata.json"]
    bad = records.new_record()
    bad["heads"]["ferplus"]["temperature"] = -1
    records.write_record(zipped, bad)
    with pytest.raises(ModelError, match="temperature of ferplus"):
        records.read_record(zipped)
    junk = tmp_path / "junk.h5"
    junk.write_bytes(b"junk")
    with pytest.raises(ModelError, match=r"expected a \.keras or \.h5"):
        records.read_record(junk)


def test_a_model_does_not_tell_where_its_makers_files_lie() -> None:
    record = {
        "training": {"command": "fer-train fit /home/me/faces -o runs/a"},
        "n": [1, "/x/y.npz"],
    }
    assert records.without_folders(record) == {
        "training": {"command": "fer-train fit faces -o runs/a"}, "n": [1, "y.npz"],
    }  # fmt: skip


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(OutputError, match="No space left"), replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        1 / 0  # noqa: B018
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
