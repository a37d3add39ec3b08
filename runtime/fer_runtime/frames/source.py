"""What the daemon asks of whatever frames come from.

Every source opens, reads and closes in the same way. Live sources (camera, stream) are read by
the capture thread and may drop frames; the others are read in step, every frame once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from ..arrays import Image
from .jpeg import Jpeg

ALONE_S = 1.0
"""How long a frame stays that is alone in its round of a loop, so that time goes on."""


@dataclass(frozen=True)
class Frame:
    """One picture with its time."""

    picture: Image | Jpeg
    """As the source gives it: (H, W, 3) uint8 BGR, or not decoded yet."""
    index: int
    """Number of the frame since the start, from 0."""
    time_s: float
    """When it was captured: monotonic seconds for live sources, the clip's time for files."""

    @cached_property
    def image(self) -> Image:
        """(H, W, 3) uint8 BGR, decoded where it was not; BrokenPicture where that fails."""
        picture = self.picture
        return picture.decode() if isinstance(picture, Jpeg) else picture


class Source(Protocol):
    """What the daemon asks of a source."""

    name: str
    """As the user wrote it, as far as it may be shown (`urls.public_url`)."""
    live: bool
    """Whether frames come at their own pace and cannot be asked for again."""
    independent: bool
    """Whether each frame is a picture on its own rather than part of a sequence."""

    def open(self) -> None:
        """Open or open again; CameraError or DataError where that fails."""
        ...

    def read(self) -> Image | Jpeg | None:
        """Return the next frame, (H, W, 3) uint8 BGR; None at the end or when it is lost.

        A live source may leave its decoding to whoever needs it.
        """
        ...

    def time_s(self) -> float:
        """Return the newest frame's time on the source's own clock, in seconds.

        It counts from the first frame since `open`, grows with every frame, and never steps back.
        """
        ...

    def describe(self) -> str:
        """Return real size and rate, such as ``640x480 at 30 fps``."""
        ...

    def close(self) -> None:
        """Release it; may be called twice."""
        ...
