"""What the clock on the wall says, in the zone that the machine has now."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

_LOOK_S: Final = 10.0


class WallClock:
    """Aware local time.

    A process keeps the zone of its start, and a kiosk may be given its own after the service has
    begun: days would be cut at another midnight until it begins again. So the system is asked
    anew from time to time, which costs no more than a look at one file.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_s = clock()

    def __call__(self) -> datetime:
        """Return the time."""
        now = self._clock()
        if now - self._looked_s >= _LOOK_S:
            self._looked_s = now
            if hasattr(time, "tzset"):  # Windows has none, and looks by itself
                time.tzset()
        return datetime.now().astimezone()
