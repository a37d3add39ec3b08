"""What is counted until a visit or a minute is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..labels import LABELS


@dataclass
class Sum:
    """Seconds by label, and valence weighted by time."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LABELS, 0.0))
    valence_s: float = 0.0

    def add(self, label: str, valence: float, seconds: float) -> None:
        """Count `seconds` of a label with its valence."""
        self.seconds[label] += seconds
        self.valence_s += valence * seconds

    @property
    def valence(self) -> float | None:
        """Mean over the seconds, −1…1; None where there are none."""
        total = sum(self.seconds.values())
        return self.valence_s / total if total > 0.0 else None


@dataclass
class Stay:
    """A visit under way."""

    face_id: int
    begin: datetime
    end: datetime
    begin_s: float
    seen_s: float
    """Time of the newest detection."""
    counted_s: float
    """Up to when its time has been counted."""
    told_s: float
    """When the last event was sent."""
    label: str
    largest: float = 0.0
    sum: Sum = field(default_factory=Sum)


@dataclass
class Totals:
    """A whole run up to now; nothing in it ever falls."""

    watched: float = 0.0
    away: float = 0.0
    visits: int = 0
    """Visits begun."""
    sum: Sum = field(default_factory=Sum)

    def status(self) -> dict[str, Any]:
        """Return them as fields of the status record, seconds to the millisecond."""
        return {
            "visits": self.visits,
            "watched_s": round(self.watched, 3),
            "away_s": round(self.away, 3),
            "face_seconds": {label: round(s, 3) for label, s in self.sum.seconds.items()},
        }


@dataclass
class MinuteSoFar:
    """A minute of the wall clock under way."""

    start: datetime
    watched: float = 0.0
    away: float = 0.0
    people: int = 0
    begun: int = 0
    ended: int = 0
    sum: Sum = field(default_factory=Sum)
