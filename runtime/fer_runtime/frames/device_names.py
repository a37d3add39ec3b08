"""Names of cameras that outlive a replug, from the links that udev makes (Linux).

``/dev/video0`` may be ``/dev/video1`` after a replug. ``/dev/v4l/by-id`` names a camera by maker,
model and serial number, wherever it is plugged in; two of one model without a serial number share
one such name, which then points at either. ``/dev/v4l/by-path`` names the port.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

DEV = Path("/dev")
BY_ID = Path("/dev/v4l/by-id")
BY_PATH = Path("/dev/v4l/by-path")
SYS = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class Names:
    """What a camera has been found to be called; an empty text where there is no such name."""

    by_id: str = ""
    by_path: str = ""
    twin: bool = False
    """Whether another camera shares the by-id name, so that only the port tells them apart."""

    @property
    def best(self) -> str:
        """The name that belongs into a configuration."""
        if self.by_id and not (self.twin and self.by_path):
            return self.by_id
        return self.by_path

    def present(self) -> str:
        """Return the name under which it is there now; empty where it is not.

        A camera that has been moved to another port is found by its id, but not where a twin
        could be taken for it.
        """
        if self.by_path and os.path.exists(self.by_path) and self._is_mine(self.by_path):
            return self.by_path
        if self.by_id and not self.twin and os.path.exists(self.by_id):
            return self.by_id
        return ""

    def _is_mine(self, path: str) -> bool:
        """Return whether the camera at this port is the one, as far as its id tells."""
        if self.twin or not self.by_id:
            return True
        return _link(BY_ID, os.path.realpath(path)) in ("", self.by_id)


def names_of(node: str) -> Names:
    """Return the names of the camera at a device node such as ``/dev/video0``."""
    real = os.path.realpath(node)
    by_id = _link(BY_ID, real)
    return Names(by_id, _link(BY_PATH, real), _has_twin(Path(real).name, by_id))


def resolve(asked: int | str, known: Names) -> str:
    """Return what to open for a camera that was asked for by number or path.

    Parameters
    ----------
    asked
        Number, or a path; a path other than ``/dev/videoN`` is a name of its own.
    known
        What it was called when it was last open; empty names where it never was.

    Returns
    -------
    A path, which need not be there. Camera 0 is the only one there is, whatever number it has
    been given.
    """
    node = f"{DEV}/video{asked}" if isinstance(asked, int) else asked
    if not is_number(node):
        return node
    if known.best:
        return known.present() or known.best
    if not os.path.exists(node) and asked == 0:
        there = capture_nodes()
        if len(there) == 1:
            return there[0]
    return node


def is_number(target: int | str) -> bool:
    """Return whether a camera is asked for by its number, which a replug may change."""
    return isinstance(target, int) or target.startswith(f"{DEV}/video")


def capture_nodes() -> list[str]:
    """Return the nodes that give pictures; a UVC camera has a second one for its metadata."""
    if not SYS.is_dir():
        return []
    entries = sorted(SYS.glob("video*"), key=lambda p: (len(p.name), p.name))
    return [f"{DEV}/{e.name}" for e in entries if _read(e / "index") in ("", "0")]


def stable_path(target: int | str) -> int | str:
    """Return the best name of a camera given by number or node; itself where there is none."""
    if not sys.platform.startswith("linux"):
        return target
    node = f"{DEV}/video{target}" if isinstance(target, int) else target
    return (names_of(node).best or node) if is_number(node) else node


def _link(folder: Path, node: str) -> str:
    """Return the link in `folder` that points at a node; empty where none does."""
    try:
        for link in sorted(folder.iterdir()):
            if os.path.realpath(link) == node:
                return str(link)
    except OSError:
        pass  # no such folder: no udev, or no camera with such a name
    return ""


def _has_twin(entry: str, by_id: str) -> bool:
    """Return whether another camera of the same kind shares this one's by-id name.

    udev makes one link of a name: of two cameras that would have the same, one has none.
    """
    title = _read(SYS / entry / "name")
    if not title:
        return False
    for other in SYS.glob("video*"):
        if other.name == entry or _read(other / "name") != title:
            continue
        if _read(other / "index") != _read(SYS / entry / "index"):
            continue  # the same camera's metadata
        if not by_id or not _link(BY_ID, os.path.realpath(DEV / other.name)):
            return True
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
