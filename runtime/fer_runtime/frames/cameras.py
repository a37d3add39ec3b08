"""Cameras on this machine: stable names, modes, who holds them.

Everything that knows Linux's /dev/v4l, /sys and V4L2 calls is here; elsewhere cameras are
only tried by index.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import CameraError

_BY_ID = Path("/dev/v4l/by-id")
_SYS = Path("/sys/class/video4linux")

# linux/videodev2.h: _IOR('V', 0, struct v4l2_capability), _IOWR('V', 2, struct v4l2_fmtdesc),
# _IOWR('V', 74, struct v4l2_frmsizeenum); sizes 104, 64 and 44 bytes on every architecture.
_QUERYCAP = 0x80685600
_ENUM_FMT = 0xC0405602
_ENUM_FRAMESIZES = 0xC02C564A
_CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE, and V4L2_CAP_VIDEO_CAPTURE
_DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE
_DEVICE_CAPS = 0x80000000


@dataclass(frozen=True)
class Camera:
    """One camera as ``--list-cameras`` shows it."""

    path: str
    """Name to put into the config: by-id where there is one."""
    node: str
    """Device node or index at this moment."""
    title: str
    """What the driver calls it."""
    modes: tuple[str, ...]
    """Pixel formats with their sizes."""
    holders: tuple[str, ...]
    """Processes that hold it open: ``name (pid)``."""


def list_cameras() -> list[Camera]:
    """Return the cameras of this machine."""
    if not sys.platform.startswith("linux"):
        return _probe_indices()
    found = []
    nodes = sorted(_SYS.glob("video*"), key=lambda p: int(p.name[5:])) if _SYS.is_dir() else []
    for entry in nodes:
        node = f"/dev/{entry.name}"
        captures, modes = _modes(node)
        if not captures:  # a UVC camera has a second node for metadata
            continue
        try:
            title = (entry / "name").read_text("utf-8", "replace").strip()
        except OSError:
            title = "unknown"
        found.append(Camera(str(stable_path(node)), node, title, modes, holders(node)))
    return found


def stable_path(target: int | str) -> int | str:
    """Return the by-id name of a camera given by index or node, so that a replug finds it.

    /dev/video0 may be /dev/video1 after a replug; the by-id name stays. Where there is none
    the target itself is returned.
    """
    if not sys.platform.startswith("linux"):
        return target
    node = f"/dev/video{target}" if isinstance(target, int) else target
    if node.startswith("/dev/video") and _BY_ID.is_dir():
        for link in sorted(_BY_ID.iterdir()):
            if os.path.realpath(link) == node:
                return str(link)
    return node


def holders(node: str) -> tuple[str, ...]:
    """Return the processes that hold a device node open, as far as they may be seen."""
    found = []
    real = os.path.realpath(node)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) == real for fd in (process / "fd").iterdir()):
                name = (process / "comm").read_text("utf-8", "replace").strip()
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                if b"fer-runtime" in command:
                    name = "fer-runtime"
                found.append(f"{name} ({process.name})")
        except OSError:
            continue  # gone meanwhile, or another user's
    return tuple(found)


def why_not(target: int | str) -> CameraError:
    """Explain why a camera could not be opened."""
    if isinstance(target, int):
        return CameraError(
            f"camera {target} cannot be opened", "see which there are: fer-runtime --list-cameras"
        )
    if not os.path.exists(target):
        return CameraError(
            f"camera {target}: not there",
            "plug it in, or see which there are: fer-runtime --list-cameras",
        )
    try:
        os.close(os.open(target, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError:
        return CameraError(
            f"camera {target}: no permission",
            "run: sudo usermod -aG video $USER, and log in again",
        )
    except OSError as error:
        if error.errno != errno.EBUSY:
            return CameraError(f"camera {target}: {error.strerror}", "unplug it and plug it in")
    who = holders(target)
    ours = any(w.startswith("fer-runtime ") for w in who)
    if who:
        remedy = "run: sudo systemctl stop fer-runtime" if ours else "close that program"
        return CameraError(f"camera {target}: busy, held by {', '.join(who)}", remedy)
    return CameraError(
        f"camera {target}: busy or not a camera; no holder can be seen",
        "if it is the service: sudo systemctl stop fer-runtime; else see --list-cameras",
    )


def _modes(node: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether a node captures video, and its formats with sizes."""
    import fcntl  # not on Windows

    try:
        handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True, ()  # cannot be asked: shown without modes rather than hidden
    try:
        caps = bytearray(104)
        fcntl.ioctl(handle, _QUERYCAP, caps)
        every, own = struct.unpack_from("II", caps, 84)
        if not (own if every & _DEVICE_CAPS else every) & _CAPTURE:
            return False, ()
        modes = []
        for index in range(64):
            description = bytearray(64)
            struct.pack_into("II", description, 0, index, _CAPTURE)
            try:
                fcntl.ioctl(handle, _ENUM_FMT, description)
            except OSError:
                break
            fourcc = bytes(description[44:48])
            sizes = " ".join(_sizes(handle, fourcc))
            modes.append(f"{fourcc.decode('ascii', 'replace')}: {sizes}".rstrip(": "))
        return True, tuple(modes)
    except OSError:
        return False, ()
    finally:
        os.close(handle)


def _sizes(handle: int, fourcc: bytes) -> list[str]:
    import fcntl

    sizes = []
    for index in range(64):
        record = bytearray(44)
        struct.pack_into("I4s", record, 0, index, fourcc)
        try:
            fcntl.ioctl(handle, _ENUM_FRAMESIZES, record)
        except OSError:
            break
        kind, width, height = struct.unpack_from("III", record, 8)
        if kind != _DISCRETE:
            break
        sizes.append(f"{width}x{height}")
    return sizes


def _probe_indices(count: int = 6) -> list[Camera]:
    """Try the first indices, where the system has no list that can be read."""
    import cv2

    found = []
    for index in range(count):
        capture = cv2.VideoCapture(index)
        if capture.isOpened():
            width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
            height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
            mode = (f"{width}x{height}",)
            found.append(Camera(str(index), str(index), f"camera {index}", mode, ()))
        capture.release()
    return found
