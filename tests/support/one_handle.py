"""A camera as V4L2 gives it: one handle streams, the next is told that it is busy."""

from __future__ import annotations

import threading

import numpy as np

from fer_runtime.arrays import Image
from fer_runtime.errors import CameraError


class Device:
    """The hardware: held by one handle; its reads can be made to block for ever."""

    def __init__(self) -> None:
        self.holder: Handle | None = None
        self.lock = threading.Lock()
        self.opens = self.refused = 0
        self.frames_before_block = 0
        self.present = True
        self.shared = False
        """Whether further handles are let in, as a network camera does."""
        self.release = threading.Event()
        self.blocked = 0
        """Reads that are blocked now."""

    def make(self) -> Handle:
        return Handle(self)


class Handle:
    """A source on the device, as `CameraSource` is one."""

    live, independent, name = True, False, "camera /dev/video0"

    def __init__(self, device: Device) -> None:
        self.device = device
        self._open = False
        self._reads = 0

    def open(self) -> None:
        self.close()
        with self.device.lock:
            self.device.opens += 1
            if not self.device.present:
                raise CameraError("camera /dev/video0: not there")
            if self.device.holder is not None and not self.device.shared:
                self.device.refused += 1
                raise CameraError("camera /dev/video0: busy, held by fer-runtime (1)")
            self.device.holder = self
        self._open, self._reads = True, 0

    def read(self) -> Image | None:
        if not self._open:
            return None
        device = self.device
        if self._reads >= device.frames_before_block:
            with device.lock:
                device.blocked += 1
            device.release.wait()
            with device.lock:
                device.blocked -= 1
            return None
        self._reads += 1
        return np.full((48, 64, 3), 30 + (device.opens * 7 + self._reads) % 200, np.uint8)

    def time_s(self) -> float:
        return 0.0

    def describe(self) -> str:
        return "64x48"

    def close(self) -> None:
        with self.device.lock:
            if self.device.holder is self:
                self.device.holder = None
        self._open = False
