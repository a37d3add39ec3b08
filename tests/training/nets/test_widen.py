"""A wider network grown from a narrow one answers alike, and its copies learn apart."""

from __future__ import annotations

import numpy as np
import pytest

from fer_runtime.errors import ConfigError
from fer_training.nets.networks import build, import_keras
from fer_training.nets.widen import widen


def edge(filters):
    """An edge network of so many filters, with fresh weights."""
    import_keras()
    from fer_training.nets.edge import edge as build_edge

    options = {"dropout": 0.2, "weight_decay": 0.0, "bn_momentum": 0.9}
    return build_edge(filters, ["fer2013", "ferplus"], name=f"edge{filters}", **options)


@pytest.fixture(scope="module")
def narrow():
    """A small edge network whose batch normalisation is not that of a fresh one."""
    model = edge(8)
    rng = np.random.default_rng(0)
    model.set_weights([
        w + rng.normal(0, 0.1, w.shape) if w.ndim > 1 else np.abs(w + rng.normal(0, 0.1, w.shape))
        for w in model.get_weights()
    ])  # fmt: skip
    return model


@pytest.mark.parametrize("wide", [8, 11, 20])
def test_a_grown_network_answers_alike(narrow, wide):
    model = edge(wide)
    widen(narrow, model, seed=1)
    pixels = np.random.default_rng(2).uniform(0, 255, (4, 48, 48, 1)).astype("float32")
    for head, expected in narrow.predict(pixels, verbose=0).items():
        assert np.allclose(model.predict(pixels, verbose=0)[head], expected, rtol=1e-3, atol=1e-3)


def test_the_copies_of_a_channel_get_other_gradients(narrow):
    import tensorflow as tf

    model = edge(11)
    widen(narrow, model, seed=1)
    kernel = model.get_layer("block1_1_conv").kernel
    same = [j for j in range(8, 11)
            for i in range(8) if np.array_equal(kernel[..., i], kernel[..., j])]  # fmt: skip
    assert len(same) == 0  # their readers' shares differ, so do their own kernels' inputs
    with tf.GradientTape() as tape:
        out = model(np.full((2, 48, 48, 1), 90.0, "float32"), training=True)["ferplus"]
        loss = tf.reduce_sum(tf.square(out))
    gradient = tape.gradient(loss, model.get_layer("stem_conv").kernel.value).numpy()
    stem = model.get_layer("stem_conv").kernel.numpy()
    pairs = [(i, j) for j in range(8, 11)
             for i in range(8) if np.array_equal(stem[..., i], stem[..., j])]  # fmt: skip
    assert len(pairs) == 3
    assert all(not np.allclose(gradient[..., i], gradient[..., j]) for i, j in pairs)


def test_a_narrower_network_is_refused(narrow):
    with pytest.raises(ConfigError, match="edge4 or of a narrower one, received edge8"):
        widen(narrow, edge(4), seed=0)


def test_another_network_is_refused(narrow):
    with pytest.raises(ConfigError, match="weights of seed"):
        widen(narrow, build("seed"), seed=0)
