"""Whether a live source runs, is covered or is lost.

``read()`` may return False while the device says it is open, block for ever, or go on
returning the old frame. None of these is trusted: what arrives decides, and when, on a clock
that is handed in.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Image
from ..settings.frames import SourceSettings
from .jpeg import BrokenPicture, Jpeg

# A closed shutter or a covered lens: hardly any light, and no detail at all.
_DARK_LEVEL = 16
_DARK_SPREAD = 4


class SourceHealth:
    """Decides whether a live source is running, covered or lost. No clock of its own.

    States: ``starting``, ``running``, ``covered`` (identical black frames: a closed shutter,
    not a loss) and ``retrying``.
    """

    def __init__(self, settings: SourceSettings, now: float) -> None:
        self._settings = settings
        self.state = "starting"
        self.since_s = now
        """When the state began."""
        self.reason = ""
        """Why it is lost."""
        self._frame_s = now
        self._changed_s = now
        self._last: Image | Jpeg | None = None
        self._frozen = False
        self._opening = False

    def opening(self) -> None:
        """Note that the source is being opened: how long that takes says nothing yet."""
        self._opening = True

    def opened(self, now: float) -> None:
        """Note that the source has been opened (again); it counts once a frame has come."""
        self._frame_s, self._opening = now, False
        if not self._frozen:
            # A frozen source stays lost until its picture changes, even when opened again.
            self._changed_s, self._last = now, None

    def frame(self, image: Image | Jpeg, now: float, *, may_repeat: bool = False) -> bool:
        """Take a frame; return whether it is a new picture worth processing.

        With `may_repeat` identical pictures are taken as new ones, as a clip may hold them.
        """
        self._frame_s = now
        if may_repeat:
            self._become("running", now)
            return True
        same = self._last is not None and same_picture(image, self._last)
        # A black picture alone says nothing, so that a new one need not be decoded.
        dark = same and is_dark(image)
        if not same:
            self._changed_s, self._last = now, image
        frozen = self._settings.frozen_after_s
        if dark:
            if now - self._changed_s >= 1.0:
                self._become("covered", now)
            return False
        if same and frozen and now - self._changed_s >= frozen:
            self._frozen = True
            self.lost(f"the same picture for {frozen:g} s", now)
            return False
        if not same:
            self._frozen = False
            self._become("running", now)
        return not same

    def lost(self, reason: str, now: float) -> None:
        """Note that the source does not deliver."""
        self.reason, self._opening = reason, False
        if not self._frozen:
            self._last = None  # kept only where it tells a frozen camera from a new picture
        self._become("retrying", now)

    def check(self, now: float) -> bool:
        """Return whether the source is lost at `now`: no frame for ``lost_after_s``.

        The first opening may take longer: a slow camera is not a lost one.
        """
        waiting = self.state == "retrying" or (self.state == "starting" and self._opening)
        if not waiting and now - self._frame_s >= self._settings.lost_after_s:
            self.lost(f"no frame for {self._settings.lost_after_s:g} s", now)
        return self.state == "retrying"

    def _become(self, state: str, now: float) -> None:
        if state != self.state:
            self.state, self.since_s = state, now
        if state != "retrying":
            self.reason = ""


def same_picture(a: Image | Jpeg, b: Image | Jpeg) -> bool:
    """Tell whether two frames are identical, byte for byte."""
    if isinstance(a, Jpeg) or isinstance(b, Jpeg):
        return isinstance(a, Jpeg) and isinstance(b, Jpeg) and a.same(b)
    # A sparse look settles nearly every case; sensor noise differs everywhere.
    if a.shape != b.shape or not np.array_equal(a[::16, ::16], b[::16, ::16]):
        return False
    return np.array_equal(a, b)


def is_dark(image: Image | Jpeg) -> bool:
    """Tell whether a frame is as good as black, with no detail."""
    if isinstance(image, Jpeg):
        try:
            sample = image.thumbnail()
        except BrokenPicture:
            return False
    else:
        sample = image[::8, ::8]
    return int(sample.max()) < _DARK_LEVEL + _DARK_SPREAD and float(sample.mean()) < _DARK_LEVEL
