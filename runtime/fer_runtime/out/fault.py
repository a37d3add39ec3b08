"""For tests of the watchdog only: ``FER_EDGE_FAULT=hang_after_s=5`` blocks the loop."""

from __future__ import annotations

import logging
import threading

from ..reading import FrameReadings
from .sink import Sink

_LOGGER = logging.getLogger(__name__)
VARIABLE = "FER_EDGE_FAULT"


class Fault(Sink):
    """A sink that does nothing, or the fault that `text` asks for."""

    def __init__(self, text: str) -> None:
        self._kind, _, self._seconds = text.partition("=")

    def write(self, readings: FrameReadings) -> int:
        """Hang, where that has been asked for and the time has come."""
        if self._kind == "hang_after_s" and readings.elapsed_s >= float(self._seconds):
            _LOGGER.warning("%s: the processing loop hangs now", VARIABLE)
            threading.Event().wait()
        return 0
