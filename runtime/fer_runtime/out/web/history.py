"""The last ten minutes in bins of five seconds, for the chart of the live page."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Final

from ...reading import Moment

BIN_S: Final = 5.0
BINS: Final = 120


class History:
    """Counts faces by shown label; bounded, whatever comes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bins: dict[int, tuple[int, Counter[str]]] = {}
        """By number of the bin: looks, and faces in them by label."""

    def add(self, moment: Moment, now: float) -> None:
        """Take the moment of one frame at `now` (monotonic seconds)."""
        index = int(now // BIN_S)
        with self._lock:
            looks, faces = self._bins.get(index, (0, Counter()))
            faces.update(face.emotion for face in moment.faces)
            self._bins[index] = (looks + 1, faces)
            if len(self._bins) > BINS:
                del self._bins[min(self._bins)]

    def to_dict(self, now: float) -> dict[str, Any]:
        """Return the bins up to `now`, oldest first: mean faces by label, None without a look."""
        last = int(now // BIN_S)
        with self._lock:
            bins = [self._bins.get(i) for i in range(last - BINS + 1, last + 1)]
            means = [
                bin_ and {label: round(n / bin_[0], 3) for label, n in sorted(bin_[1].items())}
                for bin_ in bins
            ]
        return {"bin_s": BIN_S, "bins": means}
