"""The live window: opening it without an abort, showing pictures, reading keys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from enum import Enum

import cv2

from ..arrays import Image
from ..child_python import code_command
from ..errors import DisplayError

_TITLE = "fer-edge"
_PROBE = "import cv2; cv2.namedWindow('fer-edge'); cv2.waitKey(1); cv2.destroyAllWindows()"
_REMEDY = "run it in a desktop session, or without --show"


class Key(Enum):
    """What a key means."""

    QUIT = "quit"
    BARS = "bars"
    FULLSCREEN = "fullscreen"
    MIRROR = "mirror"
    LEGEND = "legend"
    HELP = "help"
    NEXT_FACE = "next face"
    YES = "yes"
    NO = "no"
    SPACE = "space"
    FEEDBACK_1 = "1"
    FEEDBACK_2 = "2"
    FEEDBACK_3 = "3"
    FEEDBACK_4 = "4"
    FEEDBACK_5 = "5"
    FEEDBACK_6 = "6"
    FEEDBACK_7 = "7"


_KEYS = {
    ord("q"): Key.QUIT,
    27: Key.QUIT,
    ord("b"): Key.BARS,
    ord("f"): Key.FULLSCREEN,
    ord("m"): Key.MIRROR,
    ord("l"): Key.LEGEND,
    ord("h"): Key.HELP,
    9: Key.NEXT_FACE,
    ord("y"): Key.YES,
    ord("s"): Key.YES,  # sí
    ord("n"): Key.NO,
    ord(" "): Key.SPACE,
    **{ord(str(i)): Key(str(i)) for i in range(1, 8)},
}


def check_display(environ: Mapping[str, str], platform: str) -> None:
    """Raise DisplayError where there is no screen.

    OpenCV's window toolkit ends the whole process when it finds none, so this looks first: at
    the environment, then by opening a window in a child process, which alone also notices a
    stale DISPLAY or a missing permission.
    """
    if not platform.startswith("linux"):
        return
    if not environ.get("DISPLAY"):
        wayland = environ.get("WAYLAND_DISPLAY")
        what = "Wayland without XWayland" if wayland else "no display (DISPLAY is not set)"
        raise DisplayError(f"window: expected an X display, received {what}", _REMEDY)
    try:
        done = subprocess.run(
            code_command(_PROBE),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DisplayError(
            f"window: the display {environ['DISPLAY']} does not answer", _REMEDY
        ) from None
    if done.returncode == 0:
        return
    if "not implemented" in done.stderr:
        raise DisplayError(
            "window: this OpenCV was built without windows (opencv-python-headless)",
            "run: pip uninstall -y opencv-python-headless; "
            "pip install --force-reinstall opencv-python",
        )
    raise DisplayError(f"window: the display {environ['DISPLAY']} cannot be opened", _REMEDY)


class Window:
    """One OpenCV window; to be used from the main thread only."""

    def __init__(self, *, fullscreen: bool = False) -> None:
        self.fullscreen = fullscreen
        self._open = False
        self._size = (480, 640)

    def open(self, size: tuple[int, int]) -> None:
        """Open it with a client area of `size` (height, width); DisplayError without a screen."""
        # Qt warns of fonts that its wheel does not carry; none are used.
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
        check_display(os.environ, sys.platform)
        try:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(_TITLE, size[1], size[0])
        except cv2.error as error:
            raise DisplayError(
                f"window: cannot be opened ({error.err or error})", _REMEDY
            ) from None
        self._open, self._size = True, size
        if self.fullscreen:
            self._apply_fullscreen()

    @property
    def screen_size(self) -> tuple[int, int] | None:
        """Height and width of the full screen in pixels; None in a window, or if not known.

        A window scales what it is given; on a full screen that would be a small picture in the
        middle (Qt), so it must be drawn in the screen's own size.
        """
        if not self.fullscreen:
            return None
        try:
            x, y, width, height = cv2.getWindowImageRect(_TITLE)
        except cv2.error:
            return None
        # The margins around a picture that is still small tell how large the screen is.
        width, height = width + 2 * max(0, x), height + 2 * max(0, y)
        return (height, width) if width > 31 and height > 31 else None

    @property
    def closed(self) -> bool:
        """Whether the user has closed it."""
        if not self._open:
            return True
        try:
            return cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1
        except cv2.error:
            return True

    def show(self, picture: Image) -> None:
        """Show (H, W, 3) uint8 BGR."""
        cv2.imshow(_TITLE, picture)

    def poll(self, wait_ms: int) -> Key | None:
        """Let the toolkit work for `wait_ms` milliseconds; return a key that was pressed."""
        code = cv2.waitKey(max(1, wait_ms))
        if code < 0:
            return None
        return _KEYS.get(code & 0xFF)

    def toggle_fullscreen(self) -> None:
        """Switch between a window and the whole screen."""
        self.fullscreen = not self.fullscreen
        self._apply_fullscreen()

    def close(self) -> None:
        """Close it."""
        if self._open:
            self._open = False
            cv2.destroyAllWindows()
            cv2.waitKey(1)

    def _apply_fullscreen(self) -> None:
        mode = cv2.WINDOW_FULLSCREEN if self.fullscreen else cv2.WINDOW_NORMAL
        cv2.setWindowProperty(_TITLE, cv2.WND_PROP_FULLSCREEN, mode)
        if not self.fullscreen:
            cv2.resizeWindow(_TITLE, self._size[1], self._size[0])
