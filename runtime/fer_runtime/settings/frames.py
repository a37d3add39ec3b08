"""Settings of where frames come from."""

from __future__ import annotations

from dataclasses import dataclass

from .limits import setting


@dataclass(frozen=True)
class SourceSettings:
    """Where frames come from."""

    source: str = setting(
        "0",
        "camera index, /dev/v4l/by-id/... path, video file, folder, picture, http/rtsp URL, demo",
        flag="--source",
        required=True,
        path=True,
    )
    width: int = setting(640, "frame width asked of the camera", "px", low=160, high=7680)
    height: int = setting(480, "frame height asked of the camera", "px", low=120, high=4320)
    fps: float = setting(30.0, "frame rate asked of the camera", "1/s", low=1, high=240)
    fourcc: str = setting("MJPG", "pixel format asked of the camera, empty for its own")
    rotate: int = setting(
        0, "clockwise rotation of the frame", "°", choices=(0, 90, 180, 270), flag="--rotate"
    )
    realtime: bool = setting(
        False, "play files at their own rate, dropping late frames", flag="--realtime"
    )
    loop: bool = setting(False, "start a file or folder again at its end", flag="--loop")
    reconnect: bool = setting(
        True, "keep trying when the source is absent or lost", flag="--reconnect/--no-reconnect"
    )
    retry_s: float = setting(0.5, "pause between two attempts to open", "s", low=0.1, high=60)
    open_timeout_s: float = setting(
        10.0, "longest wait for a URL to open, key frame included", "s", low=0.2, high=60
    )
    read_timeout_s: float = setting(1.5, "longest wait for a frame of a URL", "s", low=0.2, high=60)
    lost_after_s: float = setting(
        3.0, "no new frame for so long means the source is lost", "s", low=0.5, high=600
    )
    frozen_after_s: float = setting(
        4.0, "identical frames for so long mean that it hangs; 0 never", "s", low=0, high=600
    )
    stuck_after_s: float = setting(
        30.0, "a read blocked for so long ends the process (status 1)", "s", low=2, high=3600
    )
    max_fps: float = setting(
        0.0, "process at most so many frames a second; 0 all", "1/s", low=0, high=240,
        flag="--max-fps", reload=True,
    )  # fmt: skip
