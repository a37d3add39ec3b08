"""Takes one head out of a network, or makes one of two; without its prior where that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fer_runtime.errors import UsageError
from fer_training.nets.heads import HEADS
from fer_training.nets.networks import exported_head, single_head
from fer_training.nets.record import temperature_of
from fer_training.nets.shares import Shares, blend_heads, record_shares, without_prior

from .job import Job

BLEND: Final = "blend"
"""``--head`` that makes one head of fer-train's two."""


def one_head(
    model: Any, path: Path, job: Job, record: dict[str, Any] | None
) -> tuple[Any, str, Shares, float]:
    """Return the model with one output, without prior where that is known, and what it is.

    The head's name is empty where it is not one of ours; then come the shares that were taken
    out and the temperature.
    """
    import keras

    layers = {layer.name for layer in model.layers}
    own = [head for head in HEADS if head in layers] or exported_head(layers, record)
    # A Sequential network has one output and no names for it.
    names = own or [str(name) for name in getattr(model, "output_names", ["output"])]
    if len(names) > 1 and not job.head:
        raise UsageError(
            f"model {path}: it has {len(names)} heads, {', '.join(names)}",
            f"choose one with --head {names[0]}",
        )
    if job.head == BLEND and set(own) == set(HEADS):
        network, shares = blend_heads(model, record, job.blend)
        return network, BLEND, shares, 1.0
    if job.head and job.head not in names:
        raise UsageError(
            f"--head {job.head}: expected a head of model {path}, which are: {', '.join(names)}"
        )
    head = job.head or names[0]
    if own:
        network = single_head(model, head)
        shares, temperature = record_shares(record, head), temperature_of(record, head)
        if shares:
            without_prior(network, temperature, shares)
        return network, head, shares, temperature
    return keras.Model(model.inputs, model.outputs[names.index(head)]), "", {}, 1.0
