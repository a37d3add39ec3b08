"""What the finished file will say of itself: the trainer's record, or what the user knows."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from fer_runtime import __version__
from fer_runtime.errors import UsageError
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.metadata import ModelMetadata
from fer_training.judge.foreign import Foreign, check_classes, missing_options, scaling_of

from .head import BLEND
from .job import Job, parse_temperature
from .source import Source


def describe(source: Source, job: Job) -> tuple[ModelMetadata, list[str]]:
    """Return the metadata, still without a quantisation, and lines that tell what was assumed.

    Raises
    ------
    UsageError
        If a foreign network's classes, scale or colour are not given.
    """
    record = source.file.record or {}
    own = bool(source.head)
    if own:
        _refuse_foreign_options(job)
    notes: list[str] = []
    told = Foreign(job.labels, job.scale, job.color)
    multiply, add = scaling_of(told)
    if not own and source.scales_itself:
        notes.append(
            "it begins with a scaling layer, so pixels of 0-255 are given as they are"
            if (multiply, add) == (1.0, 0.0)
            else f"it begins with a scaling layer and --scale {job.scale} is done before it: is "
            "that what it was trained with?"
        )
    missing = (
        [] if own else missing_options(told, source.outputs, source.channels, source.scales_itself)
    )
    if missing:
        raise UsageError(
            f"model {job.source}: it does not say what it wants; give {'; '.join(missing)}"
        )
    color: Any = job.color or "gray"
    if source.channels == 1 and color != "gray":
        raise UsageError(f"--color {color}: model {job.source} takes one channel, so it is gray")
    if source.channels == 3 and color == "gray":
        raise UsageError(f"--color gray: model {job.source} takes three channels")
    classes = EMOTIONS if own or not job.labels else job.labels
    check_classes(classes, source.outputs, job.source)
    temperature = parse_temperature(job.temperature) or source.temperature
    measured = _accuracy_of(record, source.head)
    training = {k: record[k] for k in ("network", "recipe", "training") if record.get(k)}
    if source.head:
        training["head"] = source.head
        if source.head == BLEND:
            training["blend"] = {"fer2013": job.blend, "ferplus": 1.0 - job.blend}
        if not source.shares:
            notes.append(
                "its record does not say how common each emotion was in training, so its logits "
                "keep that prior; fer-train calibrate MODEL DATA adds it"
            )
    metadata = ModelMetadata(
        classes=tuple(classes),
        height=source.height,
        width=source.width,
        color=color,
        multiply=multiply,
        add=add,
        output=source.ends_in,
        temperature=float(temperature),
        shares=source.shares,
        state_size=source.state_size,
        name=job.name,
        training=training,
        data=str(record.get("data", "")),
        accuracy={"before_conversion": measured} if measured else {},
        provenance={
            "source_sha256": source.sha256,
            "source_format": source.file.format,
            "parameters": source.parameters,
            "fer_edge": __version__,
            "tensorflow": _version("tensorflow-cpu", "tensorflow"),
            "keras": _version("keras"),
        },
        date=job.date,
        licence=str(record.get("licence", "")),
    )
    try:
        metadata.validate()
    except ValueError as error:
        raise UsageError(f"model {job.source}: {error}") from None
    return metadata, notes


def _refuse_foreign_options(job: Job) -> None:
    for option, value in (("--labels", job.labels), ("--scale", job.scale), ("--color", job.color)):
        if value:
            raise UsageError(
                f"{option}: model {job.source} is one of fer-train's, which knows its own",
                "leave the option out",
            )


def _accuracy_of(record: dict[str, Any], head: str) -> Any:
    """Return the figures that the trainer's record has of a head; None where there are none."""
    heads = record.get("heads")
    entry = heads.get(head) if isinstance(heads, dict) else None
    return entry.get("accuracy") if isinstance(entry, dict) else None


def _version(*names: str) -> str:
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
