"""Synthetic logs: rows as plain dictionaries, so that tests can count them a second way."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from fer_runtime.labels import EMOTIONS, UNCERTAIN
from fer_runtime.out.csv.row import COLUMNS

Row = dict[str, Any]
BERLIN_WINTER, BERLIN_SUMMER = timezone(timedelta(hours=1)), timezone(timedelta(hours=2))


def row(
    start: datetime, elapsed_s: float, face_id: int, emotion: str = "happy", /, **other: Any
) -> Row:
    """One row of a run that began at `start`, an aware time."""
    time = start + timedelta(seconds=elapsed_s)
    values: Row = {
        "timestamp": time.isoformat(timespec="milliseconds"),
        "elapsed_s": f"{elapsed_s:.3f}",
        "frame": int(elapsed_s * 15),
        "face_id": face_id,
        "emotion": emotion,
        "confidence": "0.7000",
        **{f"p_{e}": "0.0500" for e in EMOTIONS},
        "x": 10, "y": 20, "w": 90, "h": 110,
        "detection_score": "0.930",
        "model": "fer2013",
    }  # fmt: skip
    values[f"p_{emotion if emotion in EMOTIONS else 'neutral'}"] = "0.7000"
    return values | other


def log_text(rows: list[Row]) -> str:
    """The rows as the daemon writes them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def random_run(seed: int, start: datetime, faces: int) -> list[Row]:
    """A run of two hours, a row a second per face, in the order in which a daemon writes them."""
    rng = np.random.default_rng(seed)
    rows = []
    for face, begin in enumerate(np.sort(rng.uniform(0, 7200, faces)), 1):
        for k in range(int(rng.integers(1, 40))):
            label = (*EMOTIONS, UNCERTAIN)[int(rng.integers(0, 8))]
            rows.append(row(start, round(float(begin), 3) + k, face, label))
    return sorted(rows, key=lambda r: (r["frame"], r["face_id"]))
