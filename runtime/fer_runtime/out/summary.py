"""What a run does and did, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..reading import FaceReading


@dataclass
class Summary:
    """Counts and times of a run that has ended."""

    frames: int = 0
    readings: int = 0
    captured: int = 0
    skipped: int = 0
    rows: int = 0
    seconds: float = 0.0
    first_reading_s: float | None = None
    """From the start of the daemon to the first frame done."""
    latency_ms: dict[str, float] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)


def live_line(
    figures: Mapping[str, Any], state: tuple[str, float, str], faces: Sequence[FaceReading]
) -> str:
    """Return one short line on a run that is under way.

    Parameters
    ----------
    figures
        Fields of the status record: frames, rate, latency.
    state
        The source's state, for how many seconds, and why where it is lost.
    faces
        Readings of the newest frame.
    """
    name, seconds, reason = state
    if name in ("retrying", "covered"):
        return f"source {name} for {seconds:.0f} s {reason}".rstrip()
    if not figures["processed"]:
        return f"source {name} ..."
    shown = ", ".join(f"#{r.face_id} {r.emotion} {r.confidence:.0%}" for r in faces)
    count = f"{len(faces)} face{'' if len(faces) == 1 else 's'}"
    return (
        f"frame {figures['processed']}  {figures['processed_fps']:5.1f} fps  "
        f"{figures['latency_ms'].get('p50', 0.0):4.1f} ms  {count}: {shown or '-'}"
    )
