"""The page as PDF, printed by a Chromium that is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from fer_runtime.errors import ConfigError, OutputError

_NAMES: Final = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge",
)  # fmt: skip
_LIMIT_S: Final = 120.0


def find_chromium() -> str:
    """Return the path of a Chromium, Chrome or Edge.

    Raises
    ------
    ConfigError
        If there is none.
    """
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise ConfigError(
        "--pdf needs Chromium, Chrome or Edge on the PATH, received none of them",
        "on Debian and Ubuntu: sudo apt-get install chromium; or print index.html from a browser",
    )


def print_pdf(chromium: str, page: Path, target: Path) -> None:
    """Print a page.

    Parameters
    ----------
    chromium
        Of `find_chromium`.
    page
        The HTML file.
    target
        The PDF; whole or not there at all.

    Raises
    ------
    OutputError
        If the browser fails.
    """
    with tempfile.TemporaryDirectory() as profile:
        part = Path(profile) / "page.pdf"
        # Chromium refuses to start as root with its sandbox, and the page runs no script.
        root = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
        command = [
            chromium, "--headless", "--disable-gpu", *root, f"--user-data-dir={profile}/user",
            "--no-pdf-header-footer", f"--print-to-pdf={part}", page.resolve().as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=False,
                                  stdin=subprocess.DEVNULL)  # fmt: skip
            failed = "" if part.exists() else f"exit code {done.returncode}"
        except (OSError, subprocess.TimeoutExpired) as error:
            failed = str(error)[:200]
        if failed:
            raise OutputError(
                f"{target}: {chromium} printed nothing ({failed})",
                "print index.html from a browser",
            )
        try:
            shutil.copyfile(part, target.with_name(f".{target.name}.part"))
            os.replace(target.with_name(f".{target.name}.part"), target)
        except OSError as error:
            raise OutputError(
                f"file {target}: cannot be written: {error.strerror}",
                "free some space or give another folder with -o",
            ) from None
