"""Fits one temperature for each head and stores it in the model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer_runtime.errors import DataError

from ..data.datasets import Pictures
from ..nets.model_io import load_model
from ..nets.networks import model_heads
from ..nets.record import Record, new_record, read_record, write_record
from . import calibration, metrics
from .heads import head_logits, truth_of

_FEWEST = 50
"""A temperature fitted on fewer pictures is noise."""


def calibrate(path: str | Path, pictures: Pictures, data: str) -> Record:
    """Fit temperatures on `pictures` and write them, with figures, into the model file.

    Parameters
    ----------
    path
        A ``.keras`` or ``.h5`` file; it is rewritten atomically.
    data
        What the pictures are, for the record.

    Returns
    -------
    The new record.

    Raises
    ------
    DataError
        If there are fewer than 50 pictures to fit on.
    """
    model = load_model(path)
    heads = model_heads(model)
    record = read_record(path) or new_record(heads)
    held_out_figures(model, pictures, record, data)
    write_record(path, record)
    return record


def held_out_figures(
    model: Any, pictures: Pictures, record: Record, data: str = "held-out share of train"
) -> None:
    """Put temperature and accuracy of every head of `model` into `record`.

    FER-2013 is judged by folder labels, FER+ by the majority of votes.
    """
    from ..nets.networks import single_head
    from .predictors import forward

    for head in model_heads(model):
        if head == "ferplus" and pictures.votes is None:
            continue  # folder labels are another label set; a temperature for them would be wrong
        run = forward(single_head(model, head))
        seven = head_logits(lambda x, run=run: {"": run(x)}, pictures.crops)[""]  # type: ignore[misc]
        labels, logits = truth_of("fer2013", pictures, seven)
        if head == "ferplus":
            from ..data.ferplus import majority

            assert pictures.votes is not None
            votes = majority(pictures.votes)
            labels, logits = votes.labels[votes.usable], seven[votes.usable]
        if len(labels) < _FEWEST:
            if data.startswith("held-out"):
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
            "n": figures["n"],
            "accuracy": round(figures["accuracy"], 6),
            "interval95": [round(v, 6) for v in figures["interval95"]],
            "ece_uncalibrated": round(calibration.expected_calibration_error(labels, logits), 6),
            "ece_cross_fitted": round(crossed, 6),
        }
