"""Records as kiosks send them, and what of them is in an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from fer_runtime.labels import EMOTIONS, UNCERTAIN

SEVEN = dict(zip(EMOTIONS, (0.1, 0.0, 0.05, 0.7, 0.1, 0.03, 0.02), strict=True))


def reading(number: int, device: str = "kiosk 1", day: str = "2026-11-24") -> dict[str, Any]:
    return {
        "format": 1, "device": device, "run": "r1", "number": number,
        "timestamp": f"{day}T23:59:58.123+01:00", "elapsed_s": float(number),
        "frame": number, "face_id": 1,
        "emotion": "happy", "confidence": 0.7, "probabilities": SEVEN, "box": [1, 2, 30, 40],
        "detection_score": 0.9, "model": "m", "valence": 0.5,
    }  # fmt: skip


def visit(event: str, end: str) -> dict[str, Any]:
    seconds = dict.fromkeys((*EMOTIONS, UNCERTAIN), 0.5)
    return {
        "format": 1, "device": "kiosk 1", "run": "r1", "event": event, "face_id": 3,
        "begin": f"{end[:10]}T10:00:00.000+01:00", "end": end, "seconds": 4.0,
        "emotion_seconds": seconds, "emotion": "happy", "valence": 0.2, "largest_face": 0.4,
    }  # fmt: skip


def minute(text: str) -> dict[str, Any]:
    seconds = dict.fromkeys((*EMOTIONS, UNCERTAIN), 1.0)
    return {
        "format": 1, "device": "kiosk 1", "run": "r1", "minute": text, "seconds_watched": 55.0,
        "seconds_away": 5.0, "people_max": 2, "visits_begun": 1, "visits_ended": 0,
        "face_seconds": 8.0, "emotion_seconds": seconds, "valence": None,
    }  # fmt: skip


def stored(out: Path, kind: str, what: str = "count(*)") -> list[tuple[Any, ...]]:
    if not list(out.glob(f"{kind}/*/*/*.parquet")):
        return [(0,)]
    query = f"SELECT {what} FROM read_parquet('{out}/{kind}/*/*/*.parquet', hive_partitioning=true)"
    rows: list[tuple[Any, ...]] = duckdb.sql(query).fetchall()
    return rows
