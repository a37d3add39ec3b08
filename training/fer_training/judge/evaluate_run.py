"""Evaluates model files on sets of pictures: opens both, judges, writes reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError, UsageError
from fer_runtime.model.crop import CROP_SIZE
from fer_runtime.prior import TRAINING, log_prior
from fer_runtime.settings.faces import SmoothingSettings

from ..data.csv_data import refuse_face_search
from ..data.datasets import CsvDataset, Pictures, Split, open_dataset
from ..data.pictures import face_crop_reader, read_crop
from ..data.splits import data_digest, hold_out
from ..nets.record import Record, read_record
from ..progress import bar, plural
from .coverage import claimed, coverage
from .degradation import degradation
from .evaluation import Evaluation, evaluate
from .foreign import Foreign, doubts, parse_labels, parse_scale
from .metrics import softmax
from .predictors import Predictor, open_predictor

_PLAIN: Final = (CROP_SIZE, CROP_SIZE)


@dataclass(frozen=True)
class EvaluateOptions:
    """The options of ``fer-evaluate``."""

    split: Literal["train", "validation", "held-out"] = "validation"
    head: str | None = None
    truth: str = "auto"
    prior: str = TRAINING
    votes: str | None = None
    order: str = ""
    limit: int = 0
    seed: int = 0
    skip_bad: bool = False
    detect_faces: bool = False
    degrade: bool = False
    threads: int = 1
    interpreter: str = "auto"
    labels: str | None = None
    scale: str = ""
    color: str = ""

    def check(self) -> None:
        """Raise UsageError or ConfigError now rather than after a framework has started."""
        log_prior(self.prior, {})
        parse_labels(self.labels)
        if self.scale:
            parse_scale(self.scale)

    @property
    def foreign(self) -> Foreign:
        """What a model that is not ours wants."""
        return Foreign(parse_labels(self.labels), self.scale, self.color)


def evaluate_files(
    models: Sequence[str], sets: Sequence[str], options: EvaluateOptions, output: str | None = None
) -> list[Evaluation]:
    """Judge each model on each set; the results of a model stand together.

    Raises
    ------
    FerError
        If a model or the data cannot be used, or a report cannot be written.
    """
    options.check()
    if options.detect_faces:
        for data in sets:
            refuse_face_search(data)
    predictors = [
        open_predictor(
            model, head=options.head, threads=options.threads,
            interpreter=options.interpreter, foreign=options.foreign,
        )
        for model in models
    ]  # fmt: skip
    loaded: dict[tuple[object, ...], tuple[Pictures, str]] = {}
    results: list[Evaluation] = []
    names: set[str] = set()
    for model, predictor in zip(models, predictors, strict=True):
        for data in sets:
            record = _record_of(model) if options.split == "held-out" else None
            key = (data, predictor.size, predictor.color, str(record))
            if key not in loaded:
                loaded[key] = _load(predictor, data, options, record)
            pictures, found = loaded[key]
            # Spoilt at the runtime's size and then enlarged, so that a network that takes more
            # pixels gets the same spoilt pictures as the others.
            spoilt, small = pictures, (data, 0, _PLAIN, predictor.color, str(record))
            if options.degrade and predictor.size != _PLAIN:
                if small not in loaded:
                    shape = (*_PLAIN, predictor.input_shape[-1])
                    plain = replace(predictor, input_shape=shape)
                    loaded[small] = _load(plain, data, options, record)
                spoilt = loaded[small][0]
            result = _judge(predictor, pictures, spoilt, data, options, found)
            if len(sets) > 1:
                name = f"{result.name} on {_set_name(data)}"
                result = replace(result, name=name, figures={**result.figures, "data": data})
            results.append(result)
            if output:
                from .plots import write_report

                several = len(predictors) * len(sets) > 1
                folder = _report_folder(output, result.name, names) if several else Path(output)
                write_report(folder, result, pictures)
    return results


def _judge(
    predictor: Predictor,
    pictures: Pictures,
    spoilt: Pictures,
    data: str,
    options: EvaluateOptions,
    found: str,
) -> Evaluation:
    if options.truth == "ferplus" and pictures.votes is None:
        raise UsageError(
            f"--truth ferplus: expected FER+ votes, found no ferplus_votes.csv in {data}",
            "give them with --votes",
        )
    result = evaluate(predictor, pictures, truth=options.truth, prior=options.prior, progress=bar)
    if found:
        result.figures["faces"] = found
    if not predictor.shares and (doubt := doubts(result.labels, result.logits.argmax(axis=1))):
        result.figures["doubt"] = doubt
    if options.degrade:
        added = predictor.temperature * log_prior(options.prior, predictor.shares)

        answers: list[tuple[NDArray[np.bool_], NDArray[np.float64]]] = []

        def right(crops: NDArray[np.uint8]) -> float:
            logits, _ = predictor.logits(predictor.fitted(crops))
            good = (logits + added).argmax(axis=1) == result.labels
            answers.append((good, softmax(logits + added, predictor.temperature).max(axis=1)))
            return float(np.mean(good))

        chosen = spoilt.crops[result.index]
        result.figures["degraded"] = degradation(right, chosen, options.seed, bar)
        # The last are the pictures as given.
        good, sure = (np.concatenate(part) for part in zip(*answers[:-1], strict=True))
        result.figures["coverage"] = {
            **coverage(good, sure),
            "default": claimed(good, sure, SmoothingSettings().threshold),
        }
    return result


def _set_name(data: str) -> str:
    path = Path(data)
    return path.name or str(path.resolve().name)


def _report_folder(output: str, name: str, taken: set[str]) -> Path:
    """Two files of one name from different folders must not share a report."""
    stem = base = name.replace(":", "-").replace(" ", "-").replace("/", "-")
    number = 2
    while stem in taken:
        stem, number = f"{base}-{number}", number + 1
    taken.add(stem)
    return Path(output) / stem


def _record_of(model: str) -> Record:
    record = read_record(model) if Path(model).suffix in (".keras", ".h5") else None
    recipe = (record or {}).get("recipe", {})
    if recipe.get("validation") != "split" or not recipe.get("split"):
        raise UsageError(
            f"--split held-out: expected a .keras or .h5 whose run held a share of train out, "
            f"received {model}",
            "take --split validation",
        )
    assert record is not None
    return record


def _load(
    predictor: Predictor, data: str, options: EvaluateOptions, record: Record | None
) -> tuple[Pictures, str]:
    """Return the pictures, and words on the faces found where they had to be found."""
    split: Split = "train" if options.split != "validation" else "validation"
    dataset = open_dataset(data, options.votes, options.order)
    size, color, found = predictor.size, predictor.color, ""
    common: dict[str, Any] = {
        "progress": bar, "skip_bad": options.skip_bad or options.detect_faces,
        "limit": options.limit, "seed": options.seed,
    }  # fmt: skip
    if isinstance(dataset, CsvDataset):
        pictures = dataset.load(split, **common)
        pictures = replace(pictures, crops=predictor.fitted(pictures.crops))
    else:
        reader: Callable[[Path], NDArray[np.uint8]] = partial(read_crop, size=size, color=color)
        if options.detect_faces:
            reader = face_crop_reader(size, color)
        pictures = dataset.load(split, crop=reader, **common)
        if options.detect_faces:
            asked = len(dataset.files(split))
            asked = min(asked, options.limit) if options.limit else asked
            share = 100 * len(pictures) / asked
            found = (
                f"a face found in {len(pictures)} of {asked} picture{plural(asked)} ({share:.1f} %)"
            )
    return (_held_out(pictures, record, data) if record else pictures), found


def _held_out(pictures: Pictures, record: Record, data: str) -> Pictures:
    """Return the share of train that a run kept for judging, from its recipe and seed."""
    digest = data_digest(pictures)
    if record.get("training", {}).get("data_sha256") != digest:
        raise DataError(
            f"data {data}: the pictures are not those that the run learnt from, so the share that "
            "it held out cannot be found",
            "give the same data, and the --limit, --seed and --skip-bad of the run",
        )
    _, held = hold_out(pictures, record["recipe"]["split"], record["recipe"]["seed"])
    return pictures.take(held)
