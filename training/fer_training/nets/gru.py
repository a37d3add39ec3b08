"""``edge24-gru``: edge24's features of one look at a face, then one step of a GRU.

A *step network* takes a crop, the seconds since the face was last looked at, and the state that
the last look left; it gives logits and the new state. Whoever runs it keeps the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import keras

from fer_runtime.model.recurrent import STILL_LOOKS, STILL_STEP_S

from .blocks import Blocks
from .edge import edge
from .heads import HEADS

UNITS: Final = 64
"""Width of the state."""


def edge_gru(
    heads: Sequence[str],
    *,
    dropout: float,
    weight_decay: float,
    bn_momentum: float,
    name: str,
) -> Any:
    """Return the step network: a GRU (Cho et al. 2014) behind edge24.

    Its inputs are ``pixels`` (N, 48, 48, 1) raw grey 0–255, ``seconds`` (N, 1) and ``state``
    (N, UNITS), zeros at the first look; its outputs a dict of logits by head, and ``state``.

    Notes
    -----
    The time between looks is an input, as it is not always the same: a camera at 15 frames a
    second gives looks 0.13 s apart, one at 30 0.10 s, and a face that is missed comes back later.
    """
    trunk = edge(
        24, heads, dropout=dropout, weight_decay=weight_decay, bn_momentum=bn_momentum,
        name="trunk",
    )  # fmt: skip
    seconds = keras.Input((1,), name="seconds")
    state = keras.Input((UNITS,), name="state")
    # In tenths, 0 to 6: after 0.6 s without a look the past says little more or less.
    tenths = keras.layers.Rescaling(10.0, name="tenths")(seconds)
    elapsed = keras.layers.ReLU(6.0, name="elapsed")(tenths)
    look = keras.layers.Concatenate(name="look")([trunk.get_layer("features").output, elapsed])
    cell = keras.layers.GRUCell(
        UNITS, kernel_regularizer=Blocks(weight_decay).regularizer(), name="gru"
    )
    _, (new,) = cell(look, [state])
    new = keras.layers.Identity(name="new_state")(new)
    outputs = {head: keras.layers.Dense(len(HEADS[head]), name=head)(new) for head in heads}
    return keras.Model([trunk.inputs[0], seconds, state], outputs | {"state": new}, name=name)


def state_size(model: Any) -> int:
    """Return the width of a step network's state; 0 for a network without one."""
    inputs = {tensor.name: tensor for tensor in getattr(model, "inputs", ())}
    if len(inputs) != 3 or set(inputs) != {"pixels", "seconds", "state"}:
        return 0
    return int(inputs["state"].shape[-1])


def trunk_of(step: Any) -> Any:
    """Return the part that looks: (N, 48, 48, 1) to features (N, F)."""
    return keras.Model(step.inputs[0], step.get_layer("features").output, name="trunk")


def sequence_of(step: Any, heads: Sequence[str], dropout: float) -> Any:
    """Return the part that remembers, over whole sequences, with the step network's own weights.

    Maps features (N, T, F) and seconds (N, T, 1) to a dict of logits (N, T, C) by head; what it
    learns, the step network has learnt.
    """
    features = keras.Input((None, step.get_layer("features").output.shape[-1]), name="features")
    seconds = keras.Input((None, 1), name="seconds")
    elapsed = step.get_layer("elapsed")(step.get_layer("tenths")(seconds))
    kept = keras.layers.Dropout(dropout, name="dropout")(features)
    x = keras.layers.Concatenate(name="look")([kept, elapsed])
    x = keras.layers.RNN(step.get_layer("gru"), return_sequences=True, name="sequence")(x)
    outputs = {head: step.get_layer(head)(x) for head in heads}
    return keras.Model([features, seconds], outputs, name=f"{step.name}_sequence")


def still(step: Any) -> Any:
    """Return a network of single pictures: each is looked at `STILL_LOOKS` times.

    Maps (N, 48, 48, 1) to the outputs of the last look, without the state.
    """
    pixels = keras.Input(step.inputs[0].shape[1:], name="pixels")
    nothing = 0.0 * keras.ops.mean(pixels, axis=(1, 2))  # (N, 1) zeros
    state = keras.ops.tile(nothing, (1, state_size(step)))
    out: Any = {}
    for number in range(STILL_LOOKS):
        out = step([pixels, nothing + (STILL_STEP_S if number else 0.0), state])
        state = out["state"]
    logits = {key: value for key, value in out.items() if key != "state"}
    alone = logits["logits"] if set(logits) == {"logits"} else logits
    return keras.Model(pixels, alone, name=f"{step.name}_still")
