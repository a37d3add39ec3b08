"""One network of several that were trained apart: it answers with the mean of their logits.

Networks that err differently are better together than each alone (Hansen & Salamon 1990), where a
mean of their weights (`average`) would mean nothing. As every head is a dense layer, the mean of
heads is one dense layer on all features side by side: to calibration, export and the converter an
ensemble is a network like any other. It costs what its members cost together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer_runtime.errors import ModelError

from .gru import state_size
from .model_io import load_model
from .networks import features_of, import_keras, kernel_and_bias, model_heads
from .record import Record, new_record, read_record


def ensemble(paths: Sequence[str | Path], shares: Sequence[float]) -> tuple[Any, Record]:
    """Return the network that several model files make together, and a record that names them.

    Parameters
    ----------
    paths
        ``.keras`` or ``.h5`` files, of any networks with the same heads and inputs.
    shares
        Weight of each, above 0; they need not sum to 1.

    Returns
    -------
    A network with the members' heads, whose logits are the weighted means of theirs, and its
    record: without temperatures and figures, which were of the members.

    Raises
    ------
    ModelError
        If heads or inputs differ, a head is no dense layer of logits, or a network remembers.
    """
    keras = import_keras()
    members = [load_model(path) for path in paths]
    records = [read_record(path) for path in paths]
    heads = model_heads(members[0], records[0])
    for path, member, record in zip(paths, members, records, strict=True):
        _check(path, member, model_heads(member, record), paths[0], members[0], heads)
    pixels = keras.Input(members[0].inputs[0].shape[1:], name="pixels")
    trunks = [
        keras.Model(member.inputs[0], features_of(member.get_layer(heads[0])), name=f"trunk{i}")
        for i, member in enumerate(members, start=1)
    ]
    x = keras.layers.Concatenate(name="features")([trunk(pixels) for trunk in trunks])
    layers = {head: keras.layers.Dense(members[0].get_layer(head).units, name=head)
              for head in heads}  # fmt: skip
    model = keras.Model(pixels, {head: layer(x) for head, layer in layers.items()}, name="ensemble")
    weights = np.asarray(shares, np.float64) / np.sum(shares)
    for head, layer in layers.items():
        own = [kernel_and_bias(member.get_layer(head)) for member in members]
        kernel = np.concatenate([w * k for w, (k, _) in zip(weights, own, strict=True)])
        layer.set_weights([kernel, sum(w * b for w, (_, b) in zip(weights, own, strict=True))])
    record = new_record(heads)
    for key in ("data", "licence"):
        record[key] = next((r[key] for r in records if r and r.get(key)), record[key])
    record["network"] = "+".join(member.name for member in members)
    record["training"] = {
        "ensemble": {
            Path(path).name: {
                "share": round(float(weight), 6),
                **((own or {}).get("training") or {}),
            }
            for path, weight, own in zip(paths, weights, records, strict=True)
        }
    }
    return model, record


def _check(
    path: str | Path,
    member: Any,
    heads: tuple[str, ...],
    first_path: str | Path,
    first: Any,
    wanted: tuple[str, ...],
) -> None:
    """Raise ModelError where a member cannot stand beside the first."""
    if state_size(member):
        raise ModelError(f"model {path}: expected a network of single pictures, received a step's")
    names = {layer.name for layer in member.layers}
    shape, expected = member.inputs[0].shape[1:], first.inputs[0].shape[1:]
    if set(heads) != set(wanted) or shape != expected:
        raise ModelError(
            f"model {path}: expected the heads {', '.join(wanted)} and pixels {expected} of "
            f"{Path(first_path).name}, received {', '.join(heads)} and {shape}"
        )
    for head in wanted:
        if head not in names or member.get_layer(head).activation.__name__ != "linear":
            raise ModelError(
                f"model {path}: expected a dense layer {head!r} of logits, received none",
                "an ensemble is made of what fer-train fit writes, but for the seed network",
            )
