"""When the room's moment is published, and how many visitors came today."""

from __future__ import annotations

from datetime import date
from typing import Final

from ...reading import Moment, Visit

_PAUSE_S: Final = 1.0
"""A face that is missed for a frame must not make two messages: at most one so often."""
_EVERY_S: Final = 60.0
"""An unchanged room is told so often."""


class Room:
    """Decides which moments are worth a message; time is handed in."""

    def __init__(self) -> None:
        self._told: tuple[object, ...] = ()
        self._state = ""
        self._told_s = 0.0
        self._today: date | None = None
        self.visits_today = 0
        """Visits that began today (local date) in this run."""

    def due(self, moment: Moment, now: float) -> bool:
        """Return whether `moment` is to be published at `now` (monotonic seconds).

        A change of the source's state is told at once; people who come and go and another
        emotion within a second; all else once a minute.
        """
        seen = (moment.state, moment.people, moment.emotion)
        waited_s = now - self._told_s
        changed = seen != self._told and (moment.state != self._state or waited_s >= _PAUSE_S)
        if self._told and not changed and waited_s < _EVERY_S:
            return False
        self._told, self._state, self._told_s = seen, moment.state, now
        return True

    def visit(self, visit: Visit) -> None:
        """Count a visit that begins."""
        if visit.event == "begin":
            self.reached(visit.begin.date())
            self.visits_today += 1

    def reached(self, day: date) -> None:
        """Begin to count anew where `day` is another local date."""
        if day != self._today:
            self._today, self.visits_today = day, 0
