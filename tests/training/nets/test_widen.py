"""A wider network grown from a narrow one answers alike, and its copies learn apart."""

from __future__ import annotations

from trainer_runs import python

NETWORKS = """
import numpy as np
from fer_runtime.errors import ConfigError
from fer_training.nets.networks import build, import_keras
from fer_training.nets.widen import widen
import_keras()
from fer_training.nets.edge import edge as build_edge


def edge(filters):
    options = {'dropout': 0.2, 'weight_decay': 0.0, 'bn_momentum': 0.9}
    return build_edge(filters, ['fer2013', 'ferplus'], name=f'edge{filters}', **options)


narrow = edge(8)
rng = np.random.default_rng(0)
# Batch normalisation that is not that of a fresh network.
narrow.set_weights([
    w + rng.normal(0, 0.1, w.shape) if w.ndim > 1 else np.abs(w + rng.normal(0, 0.1, w.shape))
    for w in narrow.get_weights()
])
"""

ALIKE = """
pixels = np.random.default_rng(2).uniform(0, 255, (4, 48, 48, 1)).astype('float32')
for wide in (8, 11, 20):
    model = edge(wide)
    widen(narrow, model, seed=1)
    for head, expected in narrow.predict(pixels, verbose=0).items():
        got = model.predict(pixels, verbose=0)[head]
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3, err_msg=f'{wide} {head}')
"""

APART = """
import tensorflow as tf


def pairs_of(kernel):
    return [(i, j) for j in range(8, 11) for i in range(8)
            if np.array_equal(kernel[..., i], kernel[..., j])]


model = edge(11)
widen(narrow, model, seed=1)
# Their readers' shares differ, so do the kernels that read them.
assert pairs_of(model.get_layer('block1_1_conv').kernel.numpy()) == []
with tf.GradientTape() as tape:
    out = model(np.full((2, 48, 48, 1), 90.0, 'float32'), training=True)['ferplus']
    loss = tf.reduce_sum(tf.square(out))
stem = model.get_layer('stem_conv').kernel
gradient = tape.gradient(loss, stem.value).numpy()
pairs = pairs_of(stem.numpy())
assert len(pairs) == 3, pairs
assert all(not np.allclose(gradient[..., i], gradient[..., j]) for i, j in pairs)
"""

REFUSED = """
for other, words in ((edge(4), 'edge4 or of a narrower one, received edge8'),
                     (build('seed'), 'weights of seed')):
    try:
        widen(narrow, other, seed=0)
    except ConfigError as error:
        assert words in str(error), error
    else:
        raise AssertionError(f'{other.name} was filled')
"""


def test_a_grown_network_answers_alike() -> None:
    python(NETWORKS + ALIKE)


def test_the_copies_of_a_channel_get_other_gradients() -> None:
    python(NETWORKS + APART)


def test_a_narrower_or_another_network_is_refused() -> None:
    python(NETWORKS + REFUSED)
