"""Readings for tests of sinks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from fer_runtime.reading import FaceReading, FrameReadings

ZONE = timezone(timedelta(hours=1))
NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=ZONE)


def reading(frame: int = 0, face_id: int = 1, **changes: object) -> FaceReading:
    """A face whose numbers follow from `frame`."""
    values: dict[str, object] = {
        "frame": frame,
        "time_s": frame / 10,
        "face_id": face_id,
        "box": (10 + frame, 20, 110, 120),
        "detection_score": 0.9375,
        "emotion": "happy",
        "confidence": 0.61234,
        "probabilities": (0.1, 0.0, 0.05, 0.7, 0.1, 0.03, 0.02),
        "smoothed": (0.1, 0.0, 0.05, 0.6, 0.2, 0.03, 0.02),
        "model": "ferplus",
    }
    return FaceReading(**(values | changes))  # type: ignore[arg-type]


def in_frame(
    faces: Sequence[FaceReading], now: float, wall: datetime = NOON, elapsed_s: float = 0.0
) -> FrameReadings:
    """The readings of one frame of 640×480 at `now` seconds."""
    return FrameReadings(round(now * 10), now, elapsed_s, wall, (640, 480), tuple(faces))
