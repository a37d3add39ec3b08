"""Which moments are worth telling."""

from __future__ import annotations

from ...reading import Moment


class Pace:
    """Lets moments through when they differ: news at once, the rest at most so often.

    Parameters
    ----------
    rate_hz
        Most moments a second without news: who is in view, the dominant emotion and the
        source's state are news, a box that has moved is not.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._told: Moment | None = None
        self._told_s = 0.0

    def due(self, moment: Moment, now: float) -> bool:
        """Return whether to tell `moment` at `now` (monotonic seconds)."""
        told = self._told
        if told is not None:
            if (moment.state, moment.faces) == (told.state, told.faces):
                return False
            if _news(moment) == _news(told) and now - self._told_s < 1.0 / self.rate_hz:
                return False
        self._told, self._told_s = moment, now
        return True


def _news(moment: Moment) -> tuple[object, ...]:
    return moment.state, moment.emotion, {face.face_id for face in moment.faces}
