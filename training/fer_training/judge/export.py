"""Takes one head out of a model file and writes it as a file of its own."""

from __future__ import annotations

from pathlib import Path

from ..nets.model_io import load_model, save_model
from ..nets.networks import single_head
from ..nets.record import new_record, read_record


def export_head(model: str | Path, head: str, output: str | Path) -> None:
    """Write the head ``fer2013`` or ``ferplus`` of `model` as seven logits into `output`.

    The record goes with it: temperature, figures, recipe. Raises ModelError where the model has
    no such head.
    """
    network = single_head(load_model(model), head)
    record = read_record(model) or new_record((head,))
    entry = dict(record["heads"].get(head) or new_record((head,))["heads"][head])
    if head == "ferplus":
        entry["classes"] = new_record(("fer2013",))["heads"]["fer2013"]["classes"]
    save_model(network, output, record | {"heads": {head: entry}})
