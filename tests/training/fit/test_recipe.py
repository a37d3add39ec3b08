"""Recipes: every shipped one is whole, changes keep types."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fer_runtime.errors import ConfigError
from fer_training.fit.recipe import Augment, load_recipe, recipe_from_dict, recipe_names

STILL = Augment(flip=False, rotation_deg=0, zoom=0, aspect=0, shift=0, brightness=0, contrast=0,
                erase=0, mix=0)  # fmt: skip


def test_every_recipe_of_the_package_is_whole_and_commented() -> None:
    assert {"seed", "edge24", "edge32", "edge24-finetune", "edge24-gru", "smoke",
            "edge24-long", "edge24-robust", "edge24-anneal", "edge24-apart",
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


@pytest.mark.parametrize(
    ("key", "text"), [("epochs", "["), ("init", "{"), ("heads", "[[1]]"), ("seed", "2001-01-01")]
)
def test_a_change_that_cannot_be_is_refused_by_its_name(key: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: expected"):
        load_recipe("edge24", {key: text})
