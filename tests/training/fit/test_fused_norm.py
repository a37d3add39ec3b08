"""The fused kernel does what Keras' own batch normalisation does, and nobody finds it in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainer_runs import python

BOTH_WAYS = """
import sys
import numpy as np
from fer_training.nets.networks import build, import_keras
keras = import_keras()
from fer_training.fit.fused_norm import fuse_batch_norms
from fer_training.nets.model_io import load_model, save_model
from fer_training.nets.record import new_record

rng = np.random.default_rng(0)
x = rng.uniform(0, 255, (12, 48, 48, 1)).astype('float32')
y = np.eye(7, dtype='float32')[np.arange(12) % 7]
models = []
for fused in (False, True):
    keras.utils.set_random_seed(3)
    model = build('edge8', heads=('fer2013',), dropout=0.0)
    assert not fused or fuse_batch_norms(model) == 16
    model.compile(keras.optimizers.SGD(0.05), {'fer2013': lambda t, o: -keras.ops.sum(
        t * keras.ops.log_softmax(o), axis=-1)})
    for _ in range(3):
        model.train_on_batch(x, {'fer2013': y})
    models.append(model)
plain, fused = models
changed = build('edge8', heads=('fer2013',), dropout=0.0)
for a, b, c in zip(plain.weights, fused.weights, changed.weights, strict=True):
    np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4, err_msg=a.path)
    if 'moving_variance' in a.path:
        assert np.abs(np.asarray(a) - np.asarray(c)).max() > 0.05, a.path
path = sys.argv[1]
save_model(fused, path, new_record(('fer2013',)))
back = load_model(path)
layers = {type(layer).__module__.split('.')[0] for layer in back.layers}
assert layers == {'keras'}, layers
np.testing.assert_allclose(back(x)['fer2013'], fused(x, training=False)['fer2013'], rtol=1e-5,
                           atol=1e-5)
frozen = build('edge8', heads=('fer2013',), dropout=0.0)
fuse_batch_norms(frozen)
frozen.trainable = False
before = [np.asarray(w).copy() for w in frozen.weights]
frozen(x, training=True)
assert all((a == np.asarray(b)).all() for a, b in zip(before, frozen.weights, strict=True))
"""


@pytest.mark.slow
def test_the_fused_kernel_trains_as_keras_does_and_is_not_saved(tmp_path: Path) -> None:
    python(BOTH_WAYS, tmp_path / "model.keras")
