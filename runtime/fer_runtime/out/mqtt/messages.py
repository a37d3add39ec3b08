"""The JSON that goes to the broker; described in docs/mqtt.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ...labels import EMOTIONS
from ..ticks import Due

FORMAT_VERSION: Final = 1


def reading_record(due: Due, run: str, number: int) -> dict[str, Any]:
    """Return one face at one tick.

    Parameters
    ----------
    run
        Names the run, so that `number` need not be unique beyond it.
    number
        Counts the messages of a run, from 1.
    """
    reading = due.reading
    names = zip(EMOTIONS, reading.probabilities, strict=True)
    return {
        "timestamp": due.wall.isoformat(timespec="milliseconds"),
        "elapsed_s": round(due.elapsed_s, 3),
        "run": run,
        "number": number,
        "frame": reading.frame,
        "face_id": reading.face_id,
        "emotion": reading.emotion,
        "confidence": round(reading.confidence, 4),
        "probabilities": {name: round(p, 4) for name, p in names},
        "box": list(reading.box),
        "detection_score": round(reading.detection_score, 3),
        "model": reading.model,
        "valence": round(reading.valence, 4) + 0.0,  # no -0
    }


def encode(device: str, record: Mapping[str, Any]) -> bytes:
    """Return a message of `device` as compact JSON in UTF-8."""
    return to_json({"format": FORMAT_VERSION, "device": device, **record})


def to_json(record: Mapping[str, Any]) -> bytes:
    """Return a record as compact JSON in UTF-8."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
