"""No password of a camera is shown: not in a message, the log, the status or a metric."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_runtime.command.check import run_checks
from fer_runtime.command.console import set_up_logging
from fer_runtime.errors import FerError
from fer_runtime.settings.schema import Settings
from fer_runtime.urls import holds_secret, public_url, scrub

URLS = [
    # user and password in front of the host
    ("rtsp://user:pw@cam:554/live", "rtsp://cam:554/live"),
    ("RTSP://user:pw@CAM/live/ch1", "RTSP://CAM/live/..."),
    ("rtsp://user@cam/", "rtsp://cam/"),
    ("rtsp://user:pw@[fe80::1%25eth0]:554/live", "rtsp://[fe80::1%25eth0]:554/live"),
    ("rtsp://user:pw@cámara.local/s", "rtsp://cámara.local/s"),
    # a password with what divides a URL
    ("rtsp://user:p/w@cam/live", "rtsp://..."),
    ("rtsp://user:p?w@cam/live", "rtsp://..."),
    ("rtsp://user:p#w@cam/live", "rtsp://..."),
    ("rtsp://user:p\\w@cam/live", "rtsp://..."),
    ("rtsp://user:p@w@cam/live", "rtsp://cam/live"),
    ("rtsp://user:p@s/w@cam/live", "rtsp://..."),
    ("rtsp://user:12/pw@cam", "rtsp://..."),
    ("rtsp://user:p w@cam/live", "rtsp://cam/live"),
    ("rtsp://user:p:w@cam/live", "rtsp://cam/live"),
    # a forgotten host
    ("rtsp://user:pw", "rtsp://..."),
    ("rtsp://user:99999", "rtsp://..."),
    # in query, fragment, parameters and path
    ("http://cam/video.cgi?user=admin&pwd=pw", "http://cam/video.cgi/..."),
    ("http://cam?user=admin&pwd=pw", "http://cam/..."),
    ("http://cam:81/?loginuse=admin&loginpas=pw", "http://cam:81/..."),
    ("http://cam/live#user:pw", "http://cam/live/..."),
    ("http://cam/live;password=pw", "http://cam/..."),
    ("rtsp://cam/user=admin_password=pw_channel=1_stream=0.sdp?real_stream", "rtsp://cam/..."),
    ("rtsp://cam/user_admin_password_pw_channel_1", "rtsp://cam/..."),
    ("rtsp://cam/live/admin/pw", "rtsp://cam/live/..."),
    ("rtsps://cam:7441/s7hGk29LmQpR4tXz?enableSrtp", "rtsps://cam:7441/..."),
    ("http://cam/s?x=a@pw", "http://cam/s/..."),
    ("http://cam/%70%77", "http://cam/..."),
    # what is no URL, but was meant as one
    ("rtsp:user:pw@cam/live", "rtsp:..."),
    ("rtsp:/user:pw@cam/live", "rtsp:..."),
    ("user:pw@cam/live", "user:..."),
    ("rtsp//user:pw@cam/live", "..."),
    ("u:pw@cam/live", "..."),
    ("cam/video.cgi?user=admin&pwd=pw", "..."),
    ("cam/user:pw@live", "..."),
    ("concat:http://a:pw@cam/1|http://a:pw@cam/2", "concat:..."),
    (" rtsp://user:pw@cam/live ", "rtsp://cam/live"),
    ("rtspsrc location=rtsp://user:pw@cam/s ! x", "rtspsrc location=rtsp://cam/s ! x"),
    # what holds no secret stays as it is
    ("http://cam:8080/video", "http://cam:8080/video"),
    ("http://192.168.1.5/h264Preview_01_main", "http://192.168.1.5/h264Preview_01_main"),
    ("0", "0"),
    ("clip@2.mp4", "clip@2.mp4"),
    ("C:\\clips\\a=b.mp4", "C:\\clips\\a=b.mp4"),
    ("/dev/v4l/by-path/pci-0000:00:14.0-usb-0:2:1.0-video-index0",) * 2,
    ("demo", "demo"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "shown"), URLS)
def test_what_may_be_shown_of_a_source(url: str, shown: str) -> None:
    assert public_url(url) == shown
    assert public_url(shown) == shown and scrub(shown) == shown
    assert "pw" not in shown and "admin" not in shown


@pytest.mark.parametrize("url", [u for u, _ in URLS if "://" in u[1:8] and " " not in u])
def test_a_message_shows_no_more_than_the_source_does(url: str) -> None:
    for text in (f"cannot open {url}; retrying", f"'{url}', not there", f"({url})."):
        message = str(FerError(f"library: {text}"))
        assert public_url(url) in message and "pw" not in message


def test_whether_a_source_holds_a_secret() -> None:
    assert holds_secret("rtsp://user:pw@cam/live")
    assert holds_secret("http://cam/video?user=admin&pwd=pw")
    assert holds_secret("rtsp:user:pw@cam")
    for plain in ("rtsp://cam/live/1", "0", "clip@2.mp4", "/dev/video0", "a=b.mp4"):
        assert not holds_secret(plain), plain


def test_a_log_line_of_any_library_is_scrubbed(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        set_up_logging("info")
        logging.getLogger("some.library").warning("cannot open %s", "rtsp://user:pw@cam/live")
    finally:
        root.handlers = before
    said = capsys.readouterr().err
    assert "cannot open rtsp://cam/live" in said and "pw" not in said


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize(
    "url",
    [
        "rtsp://admin:hunter2@127.0.0.1:1/live",
        "http://127.0.0.1:1/video.cgi?user=admin&pwd=hunter2",
        "rtsp://127.0.0.1:1/user=admin_password=hunter2_channel=1.sdp",
        "rtsp://admin:hun/hunter2@127.0.0.1:1/live",
        "rtsp:admin:hunter2@127.0.0.1/live",
        "rtsp//admin:hunter2@127.0.0.1/live",
        "127.0.0.1/video.cgi?user=admin&pwd=hunter2",
    ],
)
def test_a_run_shows_no_password_anywhere(
    tmp_path: Path, fer: Callable[..., Any], url: str
) -> None:
    status = tmp_path / "status.json"
    done = fer("--source", url, "--no-reconnect", "--status-file", status, "--live-line")
    assert done.returncode == 69, done.stderr
    said = done.stdout + done.stderr + (status.read_text("utf-8") if status.exists() else "")
    assert "source" in said and "hunter2" not in said and "admin" not in said
    if status.exists():
        assert json.loads(status.read_text("utf-8"))["source"] == public_url(url)
    for flags in (["--check"], ["--benchmark", "0.1"]):
        done = fer("--source", url, *flags)
        assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.usefixtures("assets")
def test_a_check_names_a_password_that_everybody_can_read(tmp_path: Path) -> None:
    config = tmp_path / "kiosk.yaml"
    config.write_text("")

    def said(source: str, mode: int) -> str:
        config.chmod(mode)
        lines: list[str] = []
        run_checks(Settings().with_values({"source.source": source}), lines.append, str(config))
        return lines[0]

    secret = "rtsp://user:pw@127.0.0.1:1/live"
    assert f"everybody can read the camera's password in {config}" in said(secret, 0o644)
    assert said(secret, 0o640) == "ok    config: valid"
    assert said("rtsp://127.0.0.1:1/live", 0o644) == "ok    config: valid"
