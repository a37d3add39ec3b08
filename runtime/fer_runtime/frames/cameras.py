"""Cameras on this machine: modes, who holds them, why one cannot be opened.

Everything that knows V4L2's calls is here, and what they are called in `device_names`;
elsewhere than on Linux cameras are only tried by index.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import CameraError
from . import device_names

# linux/videodev2.h: _IOR('V', 0, struct v4l2_capability), _IOWR('V', 2, struct v4l2_fmtdesc),
# _IOWR('V', 74, struct v4l2_frmsizeenum); sizes 104, 64 and 44 bytes on every architecture.
_QUERYCAP = 0x80685600
_ENUM_FMT = 0xC0405602
_ENUM_FRAMESIZES = 0xC02C564A
_CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE, and V4L2_CAP_VIDEO_CAPTURE
_DISCRETE = 1  # V4L2_FRMSIZE_TYPE_DISCRETE
_DEVICE_CAPS = 0x80000000


# Of every video4linux device, loopback ones included (the kernel's admin-guide/devices.txt).
_VIDEO_MAJOR = 81


@dataclass(frozen=True)
class Camera:
    """One camera as ``--list-cameras`` shows it."""

    path: str
    """Name to put into the config: by-id, or by-path where two cameras share their id."""
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
    folder = device_names.SYS
    nodes = sorted(folder.glob("video*"), key=lambda p: int(p.name[5:])) if folder.is_dir() else []
    for entry in nodes:
        node = f"{device_names.DEV}/{entry.name}"
        captures, modes = _modes(node)
        if not captures:  # a UVC camera has a second node for metadata
            continue
        try:
            title = (entry / "name").read_text("utf-8", "replace").strip()
        except OSError:
            title = "unknown"
        found.append(Camera(str(device_names.stable_path(node)), node, title, modes, holders(node)))
    return found


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
    other = _other_than_camera(target)
    if other:
        return CameraError(
            f"{target}: expected a camera, received {other}",
            "see which there are: fer-runtime --list-cameras",
        )
    try:
        os.close(os.open(target, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError as error:
        return _refused(target, error.errno == errno.EPERM, "LOGS_DIRECTORY" in os.environ)
    except OSError as error:
        if error.errno != errno.EBUSY:
            return CameraError(f"camera {target}: {error.strerror}", "unplug it and plug it in")
    who = holders(target)
    ours = any(w.startswith("fer-runtime ") for w in who)
    if who:
        remedy = "run: sudo systemctl stop fer-runtime" if ours else "close that program"
        return CameraError(f"camera {target}: busy, held by {_shortly(who)}", remedy)
    return CameraError(
        f"camera {target}: busy or not a camera; no holder can be seen",
        "if it is the service: sudo systemctl stop fer-runtime; else root sees who: "
        "sudo fer-runtime --list-cameras",
    )


def _other_than_camera(target: str) -> str:
    """Return what a path under /dev is instead of a video device; empty where it is one."""
    try:
        found = os.stat(target)
    except OSError:
        return ""  # gone since, or not to be looked at: opening it says why
    if stat.S_ISCHR(found.st_mode):
        return "" if os.major(found.st_rdev) == _VIDEO_MAJOR else "another device"
    return "a folder" if stat.S_ISDIR(found.st_mode) else "no video device"


def _shortly(who: tuple[str, ...]) -> str:
    """Name one process of each program, three at most, always in the same order."""
    programs: dict[str, str] = {}
    for one in who:
        programs.setdefault(one.rpartition(" (")[0], one)
    named = [programs[name] for name in sorted(programs)][:3]
    more = len(who) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _refused(target: str, by_unit: bool, service: bool) -> CameraError:
    """Say who refuses a camera: file permissions are EACCES, a unit's DeviceAllow= EPERM."""
    if by_unit:
        return CameraError(
            f"camera {target}: the system refuses it to this service (DeviceAllow=)",
            "its driver came after the start: sudo systemctl restart fer-runtime",
        )
    if service:  # systemd sets LOGS_DIRECTORY for the unit without a window only
        remedy = "name the group of the camera in SupplementaryGroups=: systemctl edit fer-runtime"
    else:
        remedy = "run: sudo usermod -aG video $USER, and log in again"
    return CameraError(f"camera {target}: no permission", remedy)


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


def _probe_indices() -> list[Camera]:
    """Try the first indices, where the system has no list that can be read."""
    import cv2

    found = []
    for index in range(6):
        capture = cv2.VideoCapture(index)
        if capture.isOpened():
            width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
            height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
            mode = (f"{width}x{height}",)
            found.append(Camera(str(index), str(index), f"camera {index}", mode, ()))
        capture.release()
    return found
