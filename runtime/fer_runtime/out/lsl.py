"""An outlet of the Lab Streaming Layer (extra ``lsl``): readings beside EEG and eye trackers.

One stream of readings, a sample for each face of each frame, with the frame's own time; and one
of markers, which says what the window's study shows.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from ..errors import ConfigError
from ..labels import EMOTIONS
from ..reading import FrameReadings
from ..settings.out import LslSettings
from .sink import Sink

CHANNELS: Final = (
    ("face_id", "count"),
    ("confidence", "share"),
    *((f"p_{name}", "share") for name in EMOTIONS),
    ("x", "px"), ("y", "px"), ("w", "px"), ("h", "px"),
    ("detection_score", "share"),
)  # fmt: skip
"""Name and unit of each channel of the stream of readings."""

_LIVE_S: Final = 60.0
_TRIES: Final = 20


class LslOutlet(Sink):
    """Pushes every face of every frame.

    Parameters
    ----------
    settings
        ``settings.stream`` is the stream's name; it must not be empty.
    clock
        Monotonic seconds: the clock that frames of live sources are stamped with.
    """

    def __init__(self, settings: LslSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._lsl: Any = None
        self._outlet: Any = None
        self._markers: Any = None
        self._offset_s: float | None = None

    def load(self) -> None:
        """Import pylsl, so that what is missing is found before anything is announced.

        Raises
        ------
        ConfigError
            If pylsl or the library liblsl is not installed.
        """
        try:
            import pylsl
        except (ImportError, RuntimeError, OSError):
            # pylsl raises a RuntimeError where it does not find liblsl.
            raise ConfigError(
                "lsl.stream needs pylsl and liblsl, which are not installed",
                "run: pip install 'fer-edge[lsl]'; elsewhere than on PCs install liblsl as well",
            ) from None
        self._lsl = pylsl

    def open(self) -> None:
        """Announce both streams on the network.

        Raises
        ------
        ConfigError
            If `load` does, or the service has no network. One that is merely not up yet is enough.
        """
        self.load()
        try:
            self._announce()
        except RuntimeError as error:
            reason = str(error).rstrip(".")
            raise ConfigError(
                f"lsl.stream {self._settings.stream}: cannot be announced: {reason}",
                "the service has no network: sudo fer-runtime setup --network",
            ) from None

    def _announce(self) -> None:
        pylsl = self._lsl
        name = self._settings.stream
        # The same identity after a restart lets a recorder take the stream up again.
        source = f"fer-edge-{socket.gethostname()}-{name}"
        info = pylsl.StreamInfo(
            name, "Expression", len(CHANNELS), pylsl.IRREGULAR_RATE, pylsl.cf_float32, source
        )
        channels = info.desc().append_child("channels")
        for label, unit in CHANNELS:
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", unit)
        self._outlet = pylsl.StreamOutlet(info)
        self._markers = pylsl.StreamOutlet(
            pylsl.StreamInfo(
                f"{name} markers", "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string,
                f"{source}-markers",
            )
        )  # fmt: skip

    def write(self, readings: FrameReadings) -> int:
        """Push one sample for each face, stamped with the frame's time."""
        stamp = self._stamp(readings.time_s)
        for face in readings.faces:
            sample = (
                face.face_id, face.confidence, *face.probabilities, *face.box,
                face.detection_score,
            )  # fmt: skip
            self._outlet.push_sample([float(v) for v in sample], stamp)
        return len(readings.faces)

    def mark(self, text: str, now: float) -> None:
        """Push a marker at `now` on the clock."""
        self._markers.push_sample([text], now + self._ahead_s)

    def close(self) -> None:
        """Withdraw the streams."""
        self._outlet = self._markers = None

    def _stamp(self, time_s: float) -> float:
        """Return a frame's time on LSL's clock.

        Frames of live sources are stamped by our clock, so that the two clocks' difference is
        all there is to add; a clip's frames count from its beginning, which is taken as the
        moment of its first frame.
        """
        if self._offset_s is None:
            now = self._clock()
            live = 0.0 <= now - time_s < _LIVE_S
            self._offset_s = self._ahead_s + (0.0 if live else now - time_s)
        return time_s + self._offset_s

    @cached_property
    def _ahead_s(self) -> float:
        """How far LSL's clock is ahead of ours, measured once.

        A process may lose the processor between two readings of clocks, which would put every
        stamp of the run off by as much: of several measurements the quickest one counts.
        """
        measured: list[tuple[float, float]] = []
        for _ in range(_TRIES):
            before, theirs, after = self._clock(), self._lsl.local_clock(), self._clock()
            measured.append((after - before, theirs - (before + after) / 2))
        return min(measured)[1]
