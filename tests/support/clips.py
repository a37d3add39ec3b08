"""Clips whose frames come at uneven times, as phones and browsers record them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FFMPEG = shutil.which("ffmpeg")

# Of 30 frames a second these are kept: a burst, then every seventh or eleventh.
UNEVEN = "select='lt(n,20)+not(mod(n,7))+not(mod(n,11))'"


def encode(
    path: Path,
    *codec: str,
    filters: str = UNEVEN,
    seconds: float = 4.0,
    picture: Path | None = None,
) -> Path:
    """Write a moving test picture, or a still `picture`; the container goes by the name."""
    assert FFMPEG is not None
    if picture is None:
        shown = ["-f", "lavfi", "-i", f"testsrc=duration={seconds}:size=320x240:rate=30"]
    else:
        shown = ["-loop", "1", "-framerate", "30", "-t", str(seconds), "-i", str(picture)]
    subprocess.run(
        [
            FFMPEG,
            "-v",
            "error",
            "-y",
            *shown,
            "-vf",
            filters,
            "-fps_mode",
            "vfr",
            *codec,
            str(path),
        ],
        check=True,
    )
    return path


def presentation_times(path: Path) -> list[float | None]:
    """Return what ffprobe says of each frame, in seconds; None where the file does not say."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time",
         "-of", "csv=p=0", str(path)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    words = [line.strip(", ") for line in out.splitlines() if line.strip()]
    return [None if word == "N/A" else float(word) for word in words]
