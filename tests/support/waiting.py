"""Waiting for what is sure to happen, on a machine that may be busy."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 30.0
"""Longest wait."""


def wait_until(condition: Callable[[], object], what: str = "what is sure to happen") -> None:
    """Wait for a condition; its absence is a failure, not a matter of speed."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.005)
