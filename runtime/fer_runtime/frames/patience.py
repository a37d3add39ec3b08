"""How long to wait before a source is opened again, and what of it is worth a log line."""

from __future__ import annotations

import re

# A source that fails sooner than this after its first frame comes and goes.
STEADY_S = 10.0
_LONGEST_S = 30.0
# From the third short run in a row on it is said once that the source comes and goes.
_FLAPPING = 3
_PASSING = re.compile(r" \(\d+\)| and \d+ more")
# Different reasons logged within one outage; process ids in them could go on for ever.
_REASONS = 8


class Patience:
    """Counts short runs of one source. No clock of its own.

    An absent camera is tried again at a steady pace, so that it is found soon after it has been
    plugged in. One that delivers a few frames and fails, over and over, is given more time at
    each turn, up to half a minute.

    Parameters
    ----------
    retry_s
        Pause between two attempts, in seconds.
    """

    def __init__(self, retry_s: float) -> None:
        self._retry_s = retry_s
        self._short_runs = 0
        self._since_s: float | None = None
        self._reasons: set[str] = set()

    @property
    def flapping(self) -> bool:
        """Whether the source has come and gone several times in a row."""
        return self._short_runs >= _FLAPPING

    def delivered(self, now: float) -> None:
        """Note a frame at `now`, monotonic seconds."""
        if self._since_s is None:
            self._since_s = now
            self._reasons.clear()
        elif now - self._since_s >= STEADY_S:
            self._short_runs = 0

    def lost(self, now: float) -> None:
        """Note that it has failed, or is still failing, at `now`."""
        if self._since_s is not None:
            short = now - self._since_s < STEADY_S
            self._short_runs = self._short_runs + 1 if short else 0
        self._since_s = None

    def pause_s(self) -> float:
        """Return how long to wait before the next attempt, in seconds."""
        if self._short_runs < 2:
            return self._retry_s
        doubled = self._retry_s * 2.0 ** min(self._short_runs - 1, 16)
        return max(self._retry_s, min(_LONGEST_S, doubled))

    def is_new(self, reason: str) -> bool:
        """Return whether `reason` has not been logged in this outage, and note that it is.

        Who else holds a camera may change from one second to the next: other process ids and
        another count of them are no news.
        """
        reason = _PASSING.sub("", reason)
        if reason in self._reasons or len(self._reasons) >= _REASONS:
            return False
        self._reasons.add(reason)
        return True
