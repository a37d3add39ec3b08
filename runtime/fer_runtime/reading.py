"""What is read from a frame: the words that every sink receives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

STATES: Final = ("starting", "running", "idle", "covered", "retrying", "stopping")
"""``idle``: nobody has been seen for a while; ``covered``: the camera sees black;
``retrying``: the source is absent or lost and is being opened again."""


@dataclass(frozen=True)
class FaceReading:
    """What the pipeline says of one face in one frame."""

    frame: int
    """Number of the frame, from 0."""
    time_s: float
    """The frame's own time in seconds: monotonic for cameras, the clip's time for files."""
    face_id: int
    """The person's number, from 1; never used again within a run."""
    box: tuple[int, int, int, int]
    """x, y, w, h of the face box in pixels of the frame, clipped to it."""
    detection_score: float
    """The detector's confidence, 0–1."""
    emotion: str
    """The shown label: one of `labels.EMOTIONS`, or ``uncertain``."""
    confidence: float
    """Smoothed probability of the shown label, 0–1; of the likeliest one if ``uncertain``."""
    probabilities: tuple[float, ...]
    """Raw calibrated probabilities of this frame, seven, in the order of `labels.EMOTIONS`."""
    smoothed: tuple[float, ...]
    """The filtered probabilities that the label is chosen from, same order."""
    model: str
    """Name of the model."""


@dataclass(frozen=True)
class FrameReadings:
    """What the pipeline says of one frame; without faces an empty room."""

    frame: int
    """Number of the frame, from 0."""
    time_s: float
    """The frame's own time in seconds: monotonic for cameras, the clip's time for files."""
    elapsed_s: float
    """Seconds since the first frame of the run."""
    wall: datetime
    """Aware local time of the frame; may step."""
    size: tuple[int, int]
    """Width and height of the frame in pixels."""
    faces: tuple[FaceReading, ...]
    """One reading per face, the largest first."""
