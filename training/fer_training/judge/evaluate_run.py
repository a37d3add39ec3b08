"""Evaluates model files on a data set: opens both, judges, writes reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import UsageError
from fer_runtime.labels import EMOTIONS
from fer_runtime.prior import TRAINING, log_prior

from ..data.datasets import CsvDataset, Pictures, open_dataset
from ..data.pictures import face_crop_reader, read_crop
from ..progress import bar
from .evaluation import Evaluation, evaluate
from .predictors import Predictor, open_predictor


def evaluate_files(
    models: Sequence[str],
    data: str,
    *,
    split: Literal["train", "validation"] = "validation",
    head: str | None = None,
    truth: str = "auto",
    prior: str = TRAINING,
    votes: str | None = None,
    output: str | None = None,
    limit: int = 0,
    seed: int = 0,
    skip_bad: bool = False,
    detect_faces: bool = False,
    threads: int = 1,
    interpreter: str = "auto",
    labels: str | None = None,
) -> list[Evaluation]:
    """Judge each model; parameters are those of ``fer-evaluate``.

    Raises
    ------
    FerError
        If a model or the data cannot be used, or a report cannot be written.
    """
    log_prior(prior, {})  # said now if it is none, not after the model has run
    predictors = [
        open_predictor(
            model, head=head, threads=threads, interpreter=interpreter,
            labels=parse_labels(labels),
        )
        for model in models
    ]  # fmt: skip
    loaded: dict[tuple[object, ...], Pictures] = {}
    results: list[Evaluation] = []
    names: set[str] = set()
    for predictor in predictors:
        key = (predictor.frames, predictor.size, predictor.color)
        if key not in loaded:
            loaded[key] = _load(predictor, data, split, votes, limit, seed, skip_bad, detect_faces)
        pictures = loaded[key]
        if truth == "ferplus" and pictures.votes is None:
            raise UsageError(
                f"--truth ferplus: expected FER+ votes, found no ferplus_votes.csv in {data}",
                "give them with --votes",
            )
        result = evaluate(predictor, pictures, truth=truth, prior=prior, progress=bar)
        results.append(result)
        if output:
            from .plots import write_report

            folder = Path(output)
            if len(predictors) > 1:
                # Two files of one name from different folders must not share a report.
                stem = base = predictor.name.replace(":", "-")
                number = 2
                while stem in names:
                    stem, number = f"{base}-{number}", number + 1
                names.add(stem)
                folder = folder / stem
            write_report(folder, result, pictures)
    return results


def _load(
    predictor: Predictor,
    data: str,
    split: Literal["train", "validation"],
    votes: str | None,
    limit: int,
    seed: int,
    skip_bad: bool,
    detect_faces: bool,
) -> Pictures:
    if predictor.frames:
        from ..data.sequences import load_sequences

        return load_sequences(data, split, predictor.frames, progress=bar, skip_bad=skip_bad)
    dataset = open_dataset(data, votes)
    size, color = predictor.size, predictor.color
    if isinstance(dataset, CsvDataset):
        if (size, color) != ((48, 48), "gray"):
            raise UsageError(
                f"{data}: it holds 48x48 grey pictures, but {predictor.name} wants "
                f"{size[0]}x{size[1]} {color}",
                "evaluate it on a folder of pictures",
            )
        return dataset.load(split, progress=bar, skip_bad=skip_bad, limit=limit, seed=seed)

    def crop(path: Path) -> NDArray[np.uint8]:
        return read_crop(path, size, color)

    reader: Callable[[Path], NDArray[np.uint8]] = crop
    if detect_faces:
        from fer_runtime.assets import asset_path
        from fer_runtime.faces.detector import YuNetDetector

        reader = face_crop_reader(YuNetDetector(asset_path("yunet")), size, color)
    return dataset.load(split, crop=reader, progress=bar, skip_bad=skip_bad, limit=limit, seed=seed)


def parse_labels(text: str | None) -> tuple[str, ...] | None:
    """Split ``--labels``; UsageError unless the seven emotions are among them."""
    if text is None:
        return None
    names = tuple(part.strip() for part in text.split(","))
    if missing := set(EMOTIONS) - set(names):
        raise UsageError(
            f"--labels: expected {','.join(EMOTIONS)} in the order of the outputs, "
            f"{', '.join(sorted(missing))} missing"
        )
    return names
