"""TensorFlow's fused batch normalisation for training: one pass over the activations, not five.

Keras computes mean, variance and the scaling one after another. The layers stay Keras' own and
are saved as such; only what they do in a training step is exchanged.
"""

from __future__ import annotations

from typing import Any


def fuse_batch_norms(model: Any) -> int:
    """Let every batch normalisation over the last of four axes train by the fused kernel.

    Returns how many. Inference stays Keras' own. The running variance is, as Keras has it, that
    of the batch; the kernel gives Bessel's estimate, which is brought back.
    """
    import keras

    chosen = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        and len(layer.input.shape) == 4
        and layer.axis in (-1, 3)
        and layer.center
        and layer.scale
    ]
    for layer in chosen:
        layer.call = _fused(layer, layer.call)
    return len(chosen)


def _fused(layer: Any, plain: Any) -> Any:
    import tensorflow as tf

    def call(inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if not (training and layer.trainable) or mask is not None:
            return plain(inputs, training=training, mask=mask)
        out, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, layer.gamma.value, layer.beta.value, epsilon=layer.epsilon, is_training=True
        )
        count = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], variance.dtype)
        variance *= (count - 1) / count
        for running, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            running.assign(running * layer.momentum + new * (1.0 - layer.momentum))
        return out

    return call
