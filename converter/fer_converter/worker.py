"""The child that holds TensorFlow: loads the network, builds the variants, computes the truth.

Reads a line with a job and the folder to leave its results in: one .tflite per variant,
``crops.npy`` (uint8), ``labels.npy`` and ``reference.npy`` (what Keras answers, float32).
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_runtime.errors import DataError, ModelError, UsageError
from fer_runtime.model.crop import to_model_input
from fer_runtime.model.metadata import ModelMetadata, write_model
from fer_training.data.class_folders import SPLIT_NAMES, split_folder
from fer_training.data.datasets import balanced
from fer_training.judge.foreign import parse_scale
from fer_training.progress import plural

from .children import Answer, answer
from .describe import describe
from .job import (
    PORTRAIT_COUNT,
    Job,
    job_from_json,
    parse_size,
    parse_temperature,
)
from .pictures import (
    UNLABELLED,
    Crops,
    Listing,
    list_pictures,
    load_crops,
    portrait_crops,
    random_sample,
    with_votes,
)
from .source import Source, load_source
from .variants import build_variant

_BATCH = 64


def _main(to_parent: Answer) -> dict[str, Any]:
    message = json.loads(to_parent.job)
    return work(job_from_json(message["job"]), Path(message["folder"]), to_parent)


def work(job: Job, folder: Path, to_parent: Answer) -> dict[str, Any]:
    """Do the job; return what the parent needs to know of it."""
    job = _with_verify(job, to_parent)
    _check_options(job)
    to_parent.say(f"loading {job.source} ...")
    source = load_source(job)
    metadata, notes = describe(source, job)
    size = f"{source.height}x{source.width} {metadata.color}"
    if source.state_size:
        size += f" and a state of {source.state_size}"
    to_parent.say(
        f"{source.file.format} network: {source.parameters:,} parameters, input {size}, "
        f"{source.outputs} classes" + (f", head {source.head}" if source.head else "")
    )
    for note in notes:
        to_parent.say(note)
    calibration, crops, where = _pictures(job, metadata, to_parent)
    calibration_input: Any = None if calibration is None else _input(calibration.pixels, metadata)
    if calibration_input is not None and source.state_size:
        calibration_input = source.remember(calibration_input)
    # Before the variants, each of which is run as soon as it is there.
    np.save(folder / "crops.npy", crops.pixels)
    np.save(folder / "labels.npy", crops.labels)
    failed: dict[str, str] = {}
    int8 = b""
    for variant in job.variants:
        to_parent.say(f"building {variant} ...")
        try:
            blob = build_variant(
                source.make_converter, variant, calibration_input, job.source, int8
            )
        except ModelError as error:
            if len(job.variants) == 1:
                raise
            failed[variant] = str(error)
            continue
        record = replace(metadata, quantization=variant)
        write_model(folder / f"{variant}.tflite", blob, record)
        int8 = blob if variant == "int8" else int8
        to_parent.send(ready=variant)
    if len(failed) == len(job.variants):
        raise ModelError(next(iter(failed.values())))
    count = len(crops.pixels)
    to_parent.say(f"asking Keras for the truth on {count:,} picture{plural(count)} ...")
    np.save(folder / "reference.npy", _reference(source, crops.pixels, metadata))
    return {
        "metadata": asdict(metadata),
        "pictures": where,
        "labelled": bool((crops.labels != UNLABELLED).any()),
        "calibration": 0 if calibration is None else len(calibration.pixels),
        "failed": failed,
        "learnt": bool(job.representative and not job.verify),
    }


def _with_verify(job: Job, to_parent: Answer) -> Job:
    """Compare on ``validation/`` beside ``train/``, where that is what --representative is."""
    folder = Path(job.representative)
    if job.verify or not job.representative or folder.name.lower() not in SPLIT_NAMES["train"]:
        return job
    beside = split_folder(folder.parent, SPLIT_NAMES["validation"])
    if beside is None:
        return job
    to_parent.say(f"comparing on {beside}, beside --representative")
    return replace(job, verify=str(beside))


def _check_options(job: Job) -> None:
    """Refuse at once what would be refused after the seconds that TensorFlow takes to start."""
    if job.scale:
        parse_scale(job.scale)
    if job.input_size:
        parse_size(job.input_size)
    parse_temperature(job.temperature)
    if job.temperature == "fit" and not job.verify:
        raise UsageError(
            "--temperature fit: expected pictures that the network has not learnt from, received "
            "no --verify",
            "give class folders of them with --verify",
        )
    for folder in (job.representative, job.verify):
        if folder and not Path(folder).is_dir():
            raise DataError(f"pictures {folder}: expected a folder, there is none")


def _pictures(
    job: Job, metadata: ModelMetadata, to_parent: Answer
) -> tuple[Crops | None, Crops, str]:
    """Return the pictures to calibrate on, those to compare on, and words for the latter."""
    calibration, rest, note = None, None, ""
    if job.representative:
        listing = list_pictures(job.representative, metadata.classes, job.order)
        chosen = balanced(listing.labels, job.calibration_count, job.seed)
        if any(v.startswith("int8") for v in job.variants):
            calibration = _load(listing.take(chosen), metadata, to_parent)
            to_parent.say(
                f"int8 ranges from {len(calibration.pixels)} pictures of {job.representative}, "
                f"balanced over the classes, seed {job.seed}"
            )
        left = np.setdiff1d(np.arange(len(listing.paths)), chosen)
        rest = listing.take(left) if len(left) else listing
        note = "not used for calibration" if len(left) else "the same that calibrated"
    if job.verify:
        rest, note = list_pictures(job.verify, metadata.classes, job.order), ""
    if rest is None:
        from fer_runtime.assets import asset_path

        portrait = asset_path("portrait")
        crops = portrait_crops(portrait, metadata, PORTRAIT_COUNT, job.seed)
        return calibration, crops, f"{PORTRAIT_COUNT:,} transforms of the demo portrait"
    if job.votes:
        rest = with_votes(rest, job.votes, metadata.classes)
    crops = _load(rest.take(random_sample(rest, job.verify_count, job.seed)), metadata, to_parent)
    where = f"{len(crops.pixels):,} picture{plural(len(crops.pixels))} of {rest.root.name}/"
    if job.votes:
        where += f", {int((crops.labels != UNLABELLED).sum()):,} with a FER+ majority"
    return calibration, crops, f"{where}, {note}" if note else where


def _load(listing: Listing, metadata: ModelMetadata, to_parent: Answer) -> Crops:
    crops = load_crops(listing, metadata)
    if bad := len(crops.unreadable):
        to_parent.say(
            f"left out {bad} unreadable picture{plural(bad)} of {listing.root} "
            f"(first: {crops.unreadable[0].name})"
        )
    return crops


def _input(pixels: NDArray[np.uint8], metadata: ModelMetadata) -> NDArray[np.float32]:
    return to_model_input(pixels, multiply=metadata.multiply, add=metadata.add)


def _reference(
    source: Source, pixels: NDArray[np.uint8], metadata: ModelMetadata
) -> NDArray[np.float32]:
    """Return what the original network answers, (N, outputs) float32."""
    parts = [
        source.call(_input(pixels[i : i + _BATCH], metadata)) for i in range(0, len(pixels), _BATCH)
    ]
    out = np.concatenate(parts)
    if not np.isfinite(out).all():
        raise ModelError("the original network's answers are not finite numbers")
    return out


if __name__ == "__main__":
    answer(_main)
