"""What the daemon asks of whatever takes readings: a file, a broker, a terminal.

Adding one: subclass `Sink`, override what it needs, and name it in `out/sinks.py`. The smallest
example is `Fault`; one that takes records is `VisitLog`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..reading import FrameReadings, Record
from ..settings.schema import Settings


class Sink(Protocol):
    """Takes the readings of every frame, and the records derived from them.

    `write` and `record` are called by the processing thread and must not wait for a network or
    a disk; `record` by the main thread as well, never by both at once; the others by the main
    thread. What a subclass does not need, it leaves as it is here.
    """

    def open(self) -> None:
        """Make ready; FerError where that fails."""
        return

    def write(self, readings: FrameReadings) -> int:
        """Take one frame; return how many messages or rows have been written or are due by it."""
        return 0

    def record(self, record: Record) -> None:
        """Take a moment (one per frame and change of state), an event of a visit, or a minute."""
        return

    def mark(self, text: str, now: float) -> None:
        """Take what a study began to show at `now`, on the clock of live frames."""
        return

    def flush(self) -> None:
        """Let go of what waits for the end of its tick: the frames have paused."""
        return

    def reload(self, settings: Settings) -> None:
        """Take over the settings that can change while running."""
        return

    def status(self) -> Mapping[str, Any]:
        """Return figures of this sink for the status record."""
        return {}

    def announce(self, status: Mapping[str, Any]) -> None:
        """Take the whole status record, to pass it on."""
        return

    def close(self) -> None:
        """Write what is pending and let go, soon; may be called twice."""
        return
