"""What is read from frames: the words that every sink receives.

Readings are one frame's; records (`Moment`, `Visit`, `Minute`) are what leaves the daemon, in
Python, JSON and CSV alike. Their JSON Schemas are in docs/schema/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from .labels import EMOTIONS, VALENCE

RECORD_FORMAT: Final = 1
"""Version of the records; it grows when a reader could break."""

STATES: Final = ("starting", "running", "idle", "covered", "retrying", "stopping")
"""States of the source. ``idle``: nobody has been seen for a while; ``covered``: the camera sees
black; ``retrying``: it is absent or lost and is being opened again."""

LOST: Final = frozenset({"covered", "retrying"})
"""States in which there is no picture: nobody in view then means that nobody looked."""


def valence(probabilities: tuple[float, ...]) -> float:
    """Return Σ p · v over seven probabilities in the order of `EMOTIONS`, −1…1; v: `VALENCE`."""
    return sum(p * VALENCE[e] for p, e in zip(probabilities, EMOTIONS, strict=True)) + 0.0


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

    @property
    def valence(self) -> float:
        """How pleasant the face looks, −1…1, from the smoothed probabilities."""
        return valence(self.smoothed)


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


class Shares(NamedTuple):
    """A box as shares of the frame's width and height, each 0–1."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True)
class FaceInView:
    """One face of a `Moment`."""

    face_id: int
    """The person's number in this run, from 1; means nothing beyond it."""
    emotion: str
    """The shown label: one of `labels.EMOTIONS`, or ``uncertain``."""
    confidence: float
    """Smoothed probability of the shown label, 0–1; of the likeliest one if ``uncertain``."""
    probabilities: Mapping[str, float]
    """Smoothed probability of each of the seven emotions, by name."""
    valence: float
    """How pleasant the face looks, −1…1."""
    box: Shares
    """Where it is in the frame."""
    seconds_in_view: float
    """Seconds from its first detection to this one."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as it is in JSON."""
        return {
            "face_id": self.face_id,
            "emotion": self.emotion,
            "confidence": round(self.confidence, 4),
            "probabilities": {name: round(p, 4) for name, p in self.probabilities.items()},
            "valence": round(self.valence, 4) + 0.0,
            "box": {name: round(v, 4) for name, v in self.box._asdict().items()},
            "seconds_in_view": round(self.seconds_in_view, 3),
        }


@dataclass(frozen=True)
class Moment:
    """What is known at one time."""

    device: str
    """Name of the kiosk."""
    run: str
    """Names the run of the program that `face_id` and `elapsed_s` belong to."""
    timestamp: datetime
    """Aware local time; may step."""
    elapsed_s: float
    """Seconds since the first frame of the run, monotonic; 0 before it."""
    frame: int | None
    """Number of the newest frame, from 0; None before the first."""
    state: str
    """State of the source, one of `STATES`."""
    emotion: str | None
    """The emotion with most of the summed smoothed probabilities; None without people."""
    valence: float | None
    """Mean over the people, −1…1; None without people."""
    faces: tuple[FaceInView, ...]
    """The faces of the newest frame, the largest first; none while the source is lost."""

    @property
    def people(self) -> int:
        """How many faces are in view."""
        return len(self.faces)

    def to_dict(self, *, faces: bool = True) -> dict[str, Any]:
        """Return it as it is in JSON (docs/schema/moment.json), with or without its faces."""
        record = {
            "format": RECORD_FORMAT,
            "device": self.device,
            "run": self.run,
            "timestamp": _iso(self.timestamp),
            "elapsed_s": round(self.elapsed_s, 3),
            "frame": self.frame,
            "state": self.state,
            "people": self.people,
            "emotion": self.emotion,
            "valence": _rounded(self.valence),
        }
        if faces:
            record["faces"] = [face.to_dict() for face in self.faces]
        return record


@dataclass(frozen=True)
class Visit:
    """One stay of one face in view, from its first to its newest or last detection."""

    device: str
    run: str
    event: str
    """``begin``, ``update`` every ``records.visit_update_s``, or ``end``."""
    face_id: int
    """The person's number in this run."""
    begin: datetime
    """Aware local time of the first detection."""
    end: datetime
    """Aware local time of the newest detection; with ``end``, of the last one."""
    emotion_seconds: Mapping[str, float]
    """Seconds by shown label: the seven emotions and ``uncertain``."""
    emotion: str
    """The label shown longest."""
    valence: float | None
    """Mean over the time in view, −1…1; None where that is 0."""
    largest_face: float
    """Height of the largest face box as a share of the frame's height, 0–1."""

    @property
    def seconds(self) -> float:
        """Time in view: the sum of `emotion_seconds`."""
        return sum(self.emotion_seconds.values())

    def to_dict(self) -> dict[str, Any]:
        """Return it as it is in JSON (docs/schema/visit.json)."""
        return {
            "format": RECORD_FORMAT,
            "device": self.device,
            "run": self.run,
            "event": self.event,
            "face_id": self.face_id,
            "begin": _iso(self.begin),
            "end": _iso(self.end),
            "seconds": round(self.seconds, 3),
            "emotion_seconds": _seconds(self.emotion_seconds),
            "emotion": self.emotion,
            "valence": _rounded(self.valence),
            "largest_face": round(self.largest_face, 4),
        }


@dataclass(frozen=True)
class Minute:
    """One minute of the wall clock; cut by start, stop or a set clock its seconds are fewer."""

    device: str
    run: str
    minute: datetime
    """Aware local time at which it began, without seconds."""
    seconds_watched: float
    """Seconds with a picture to look at."""
    seconds_away: float
    """Seconds without one: the source was lost or covered."""
    people_max: int
    """Most faces in one frame."""
    visits_begun: int
    visits_ended: int
    emotion_seconds: Mapping[str, float]
    """Seconds of faces in view by shown label; two faces count twice."""
    valence: float | None
    """Mean over the time of faces in view, −1…1; None without any."""

    @property
    def face_seconds(self) -> float:
        """Seconds of faces in view: the sum of `emotion_seconds`."""
        return sum(self.emotion_seconds.values())

    def to_dict(self) -> dict[str, Any]:
        """Return it as it is in JSON (docs/schema/minute.json)."""
        return {
            "format": RECORD_FORMAT,
            "device": self.device,
            "run": self.run,
            "minute": _iso(self.minute),
            "seconds_watched": round(self.seconds_watched, 3),
            "seconds_away": round(self.seconds_away, 3),
            "people_max": self.people_max,
            "visits_begun": self.visits_begun,
            "visits_ended": self.visits_ended,
            "face_seconds": round(self.face_seconds, 3),
            "emotion_seconds": _seconds(self.emotion_seconds),
            "valence": _rounded(self.valence),
        }


Record: TypeAlias = Moment | Visit | Minute
"""What `Sink.record` receives."""


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4) + 0.0


def _seconds(by_label: Mapping[str, float]) -> dict[str, float]:
    return {label: round(s, 3) for label, s in by_label.items()}
