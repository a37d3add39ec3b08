"""Fits one temperature for each head and stores it in the model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer_runtime.errors import DataError, ModelError

from ..data.datasets import Pictures
from ..nets.heads import Targets
from ..nets.model_io import load_model
from ..nets.networks import model_heads
from ..nets.record import Record, new_record, read_record, write_record
from ..nets.shares import shares_of
from . import calibration, metrics
from .heads import head_logits, truth_rows

_FEWEST = 50
"""A temperature fitted on fewer pictures is noise."""


def calibrate(
    path: str | Path, pictures: Pictures, data: str, targets: Targets | None = None
) -> Record:
    """Fit temperatures on `pictures` and write them, with figures, into the model file.

    Parameters
    ----------
    path
        A ``.keras`` or ``.h5`` file; it is rewritten atomically.
    data
        What the pictures are, for the record.
    targets
        What each head learnt from, where its record does not say how common each emotion was.

    Returns
    -------
    The new record.

    Raises
    ------
    DataError
        If there are fewer than 50 pictures to fit on.
    """
    model = load_model(path)
    record = read_record(path)
    heads = model_heads(model, record)
    if record is None and not set(heads) & {layer.name for layer in model.layers}:
        raise ModelError(
            f"model {path}: expected one of fer-train's networks, received a foreign one, of which "
            "nothing says what it wants",
            "it is calibrated when it is converted: fer-convert --temperature fit",
        )
    record = record or new_record(heads)
    for head in heads:
        if targets is not None and head in targets:
            entry = record["heads"].setdefault(head, new_record((head,))["heads"][head])
            entry["shares"] = shares_of(head, targets[head])
    held_out_figures(model, pictures, record, data)
    write_record(path, record)
    return record


def held_out_figures(
    model: Any, pictures: Pictures, record: Record, data: str, *, needed: bool = True
) -> None:
    """Put temperature and accuracy of every head of `model` into `record`.

    FER-2013 is judged by folder labels, FER+ by the majority of votes. With fewer than 50
    pictures a head keeps what it had, or, where the figures are `needed`, DataError is raised.
    """
    from ..nets.networks import single_head
    from .predictors import forward

    for head in model_heads(model, record):
        if head == "ferplus" and pictures.votes is None:
            continue  # folder labels are another label set; a temperature for them would be wrong
        run = forward(single_head(model, head))
        seven = head_logits(lambda x, run=run: {"": run(x)}, pictures.crops)[""]  # type: ignore[misc]
        rows = truth_rows(head, pictures)
        labels, logits = rows[rows >= 0], seven[rows >= 0]
        if len(labels) < _FEWEST:
            if not needed:
                continue
            raise DataError(
                f"calibration of {head}: expected at least {_FEWEST} pictures, received "
                f"{len(labels)}"
            )
        temperature = calibration.fit_temperature(labels, logits)
        crossed, _, _ = calibration.cross_fitted(labels, logits)
        figures = metrics.evaluate_logits(labels, logits)
        entry = record["heads"].setdefault(head, new_record((head,))["heads"][head])
        entry["temperature"] = round(temperature, 6)
        entry["accuracy"] = {
            "on": data,
            "prior": "training",
            "n": figures["n"],
            "accuracy": round(figures["accuracy"], 6),
            "interval95": [round(v, 6) for v in figures["interval95"]],
            "ece_uncalibrated": round(calibration.expected_calibration_error(labels, logits), 6),
            "ece_cross_fitted": round(crossed, 6),
        }
