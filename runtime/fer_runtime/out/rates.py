"""Rates, latencies and memory of the running process; time is always handed in."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np

PERCENTILES: Final = (50, 95, 99)
BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the histogram's buckets in seconds: from a frame without a face on a fast
machine to one that no camera waits for."""


class RateMeter:
    """Events a second over the last few seconds; falls to 0 when they stop.

    N events span N - 1 intervals, so N / (last - first) would read too high.

    Parameters
    ----------
    window_s
        How far back events count, in seconds.
    """

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_s = window_s
        # 800 events a second for five seconds; beyond that the window gets shorter.
        self._times: deque[float] = deque(maxlen=4000)
        self._lock = threading.Lock()

    def tick(self, now: float) -> None:
        """Note an event at `now` (monotonic seconds)."""
        with self._lock:
            if self._times and now < self._times[-1]:
                self._times.clear()
            self._times.append(now)

    def rate(self, now: float) -> float:
        """Return events per second at `now`; 0 with fewer than two in the window."""
        with self._lock:
            while self._times and now - self._times[0] > self._window_s:
                self._times.popleft()
            count = len(self._times)
            if count < 2:
                return 0.0
            first, last = self._times[0], self._times[-1]
        # An event that is overdue counts as a longer interval, so that the rate sinks at once
        # and not only when the window has passed.
        span = max(last - first, (now - first) * (count - 1) / count)
        return (count - 1) / span if span > 0 else 0.0


class CounterRates:
    """Rates of counters that are only seen from time to time.

    Parameters
    ----------
    window_s
        How far back the counters are compared, in seconds.
    """

    def __init__(self, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, tuple[int, ...]]] = deque(maxlen=100)

    def update(self, now: float, *counts: int) -> tuple[float, ...]:
        """Note the counters at `now`; return their increase per second over the window."""
        self._seen.append((now, counts))
        # The newest entry that is at least a window old stays, to compare with.
        while len(self._seen) > 2 and now - self._seen[1][0] >= self._window_s:
            self._seen.popleft()
        then, old = self._seen[0]
        if now <= then:
            return (0.0,) * len(counts)
        return tuple((c - o) / (now - then) for c, o in zip(counts, old, strict=True))


class Latencies:
    """Percentiles of the newest values, in bounded memory.

    Parameters
    ----------
    size
        How many values are kept: 2000 are about a minute at 30 frames a second.
    """

    def __init__(self, size: int = 2000) -> None:
        self._values = np.zeros(size, np.float64)
        self._count = 0

    def add(self, value_ms: float) -> None:
        """Note a latency in milliseconds."""
        self._values[self._count % len(self._values)] = value_ms
        self._count += 1

    def percentiles(self) -> dict[str, float]:
        """Return ``p50``, ``p95`` and ``p99`` in milliseconds; nothing before the first value."""
        kept = self._values[: min(self._count, len(self._values))].copy()
        if not len(kept):
            return {}
        # "higher": a value that has occurred, and never below the true percentile.
        values = np.percentile(kept, PERCENTILES, method="higher")
        return {f"p{p}": round(float(v), 3) for p, v in zip(PERCENTILES, values, strict=True)}


class Histogram:
    """How many frames took how long, since the start; for rates and quantiles over any time."""

    def __init__(self) -> None:
        # The sum among the counts, so that one copy of the list has all of one moment.
        self._values: list[float] = [0] * (len(BOUNDS_S) + 1) + [0.0]

    def add(self, seconds: float) -> None:
        """Note a latency in seconds."""
        values = self._values.copy()
        values[bisect_left(BOUNDS_S, seconds)] += 1
        values[-1] += seconds
        self._values = values

    def status(self) -> dict[str, Any]:
        """Return it as a field of the status record: what does not exceed each bound, and more."""
        *counts, total_s = self._values
        names = (*(f"{bound:g}" for bound in BOUNDS_S), "more")
        return {"counts": dict(zip(names, counts, strict=True)), "sum_s": round(total_s, 6)}


def memory_mb() -> float | None:
    """Return the resident memory of this process in MB (10⁶ bytes); None where unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 2)
    except (OSError, ValueError, IndexError, AttributeError):
        return None
