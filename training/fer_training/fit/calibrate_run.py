"""``fer-train calibrate``: temperatures, and what the heads learnt from, into a model file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..data.datasets import Dataset, FolderDataset, Split, open_dataset
from ..judge.calibrate import calibrate
from ..nets.heads import HEADS, Targets
from ..nets.record import Record, read_record
from ..nets.shares import record_shares
from ..progress import bar
from .recipe import Recipe
from .targets import make_targets, read_soft_labels


def calibrate_file(
    model: str,
    data: str,
    *,
    split: Split = "validation",
    votes: str | None = None,
    order: str = "",
    soft_labels: str | None = None,
    skip_bad: bool = False,
) -> Record:
    """Fit a temperature for each head and store it; parameters are those of the command.

    Where the record does not say how common each emotion was in training, that is counted in
    DATA's split train, with the teachers' `soft_labels` where the network learnt from them.
    """
    dataset = open_dataset(data, votes, order)
    pictures = dataset.load(split, progress=bar, skip_bad=skip_bad)
    targets = None
    record = read_record(model)
    known = [head for head in HEADS if record_shares(record, head)]
    if (soft_labels or not known) and dataset.has("train"):
        targets = training_targets(dataset, soft_labels)
    return calibrate(model, pictures, f"{Path(data).name}/{split}", targets)


def training_targets(dataset: Dataset, soft_labels: str | None) -> Targets:
    """Return what a network learns from the split train, without reading pictures of a folder."""
    train = dataset.labels("train") if isinstance(dataset, FolderDataset) else dataset.load("train")
    heads = ("fer2013",) if train.votes is None else tuple(HEADS)
    recipe = replace(Recipe(), heads=heads, label_smoothing=0.0)
    soft = None
    if soft_labels:
        soft = read_soft_labels(soft_labels, train.files)
        recipe = replace(recipe, distil=0.8, soft_labels=soft_labels)
    return make_targets(train, recipe, soft)
