"""A real X server without a screen, with a window manager where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

TIMEOUT_S = 30.0


class Xvfb:
    """Starts Xvfb on a free display; `run` runs tools on it."""

    def __init__(self) -> None:
        read, write = os.pipe()
        # Without -noreset the server starts anew when a tool, its only client, leaves, and throws
        # out a window manager that is just arriving.
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x720x24",
             "-nolisten", "tcp", "-noreset"],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(write)
        with os.fdopen(read) as pipe:
            self.display = f":{pipe.readline().strip()}"
        self._manager: subprocess.Popen[bytes] | None = None
        if shutil.which("openbox"):
            self._manager = subprocess.Popen(
                ["openbox"],
                env=os.environ | {"DISPLAY": self.display},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            # A window that opens before its manager is ready would get no focus.
            wait_for(lambda: self.run("xdotool", "get_desktop"))
        self._window = ""

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env=os.environ | {"DISPLAY": self.display},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return done.stdout.strip()

    def window(self) -> str:
        """Wait for a window and give it the focus; return its id."""
        search = ("xdotool", "search", "--onlyvisible", "--name", "fer-edge")
        self._window = str(wait_for(lambda: self.run(*search))).split()[0]
        self._focus()
        return self._window

    def key(self, *keys: str) -> None:
        """Press keys one after the other in the window."""
        self._focus()
        self.run("xdotool", "key", "--delay", "80", *keys)

    def _focus(self) -> None:
        """Give the window the focus; another may have taken it, or the manager been late."""

        def focused() -> bool:
            self.run("xdotool", "windowfocus", self._window)
            return self.run("xdotool", "getwindowfocus") == self._window

        wait_for(focused)

    def screenshot(self, path: Path) -> None:
        self.run("import", "-window", "root", str(path))

    def close(self) -> None:
        for process in (self._manager, self._server):
            if process is not None:
                process.terminate()
                process.wait(TIMEOUT_S)


def wait_for(condition: Callable[[], object]) -> object:
    """Return what the condition says once it is true; fail where that takes too long."""
    end = time.monotonic() + TIMEOUT_S
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return value
