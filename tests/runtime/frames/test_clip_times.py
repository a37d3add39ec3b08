"""A clip's own time: presentation times, not frame number by stated rate."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest
from clips import FFMPEG, encode, presentation_times

from fer_runtime.frames.clip import ClipSource
from fer_runtime.frames.feed import StepFeed
from fer_runtime.frames.make import make_source
from fer_runtime.settings.frames import SourceSettings

pytestmark = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")


class Times:
    """A clip of 30 fps whose frames have the times that are given."""

    def __init__(self, shown_s: list[float]) -> None:
        self._left, self._now_s = list(shown_s), 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        if not self._left:
            return False, None
        self._now_s = self._left.pop(0)
        return True, np.zeros((4, 4, 3), np.uint8)

    def get(self, key: int) -> float:
        known = {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_POS_MSEC: self._now_s * 1000.0}
        return known.get(key, 4.0)

    def open(self, *_: object) -> bool:
        return True

    def isOpened(self) -> bool:
        return True


@pytest.mark.parametrize("jump_s", [4000.0, 95_443.7, 9.2e15])
def test_a_damaged_time_is_no_pause_of_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    shown = [5.0, 5.5, 5.5 + jump_s, 6.0 + jump_s, 3606.0 + jump_s]
    monkeypatch.setattr(cv2, "VideoCapture", lambda: Times(shown))
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"x")
    source = ClipSource(SourceSettings(source=str(path)), path)
    source.open()
    found = []
    while source.read() is not None:
        found.append(source.time_s())
    # A pause of up to an hour is one.
    near = 0.5 + 1 / 30
    assert found == pytest.approx([0.0, 0.5, near, near + 0.5, near + 3600.5], abs=2.0)
    assert all(b > a for a, b in pairwise(found))


def times(path: Path, rounds: int = 1) -> list[float]:
    source = make_source(SourceSettings(source=str(path)))
    feed = StepFeed(source, loop=rounds > 1)
    feed.start()
    count = len(presentation_times(path))
    out = []
    for _ in range(rounds * count):
        frame = feed.take(1.0)
        assert frame is not None
        out.append(frame.time_s)
    feed.stop()
    return out


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("phone.mp4", ("-c:v", "libx264", "-bf", "2")),
        ("browser.webm", ("-c:v", "libvpx", "-b:v", "1M")),
        ("screen.mkv", ("-c:v", "mpeg4")),
        ("broadcast.ts", ("-c:v", "libx264")),
    ],
)
def test_times_are_ffprobes_within_a_millisecond(
    tmp_path: Path, name: str, codec: tuple[str, ...]
) -> None:
    clip = encode(tmp_path / name, *codec)
    real = presentation_times(clip)
    assert real[0] is not None and len(real) > 30
    expected = [t - real[0] for t in real if t is not None]
    # Uneven enough that the stated rate would be wrong by far.
    assert max(b - a for a, b in pairwise(expected)) > 0.1
    assert times(clip) == pytest.approx(expected, abs=0.001)


def test_frames_without_a_time_follow_by_the_rate_and_never_step_back(tmp_path: Path) -> None:
    clip = encode(tmp_path / "old.avi", "-c:v", "mpeg4", "-bf", "2", filters="null", seconds=2)
    assert None in presentation_times(clip)
    found = times(clip)
    assert all(b > a for a, b in pairwise(found))
    assert found == pytest.approx([n / 30 for n in range(60)], abs=0.05)


def test_a_second_round_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    clip = encode(tmp_path / "phone.mp4", "-c:v", "libx264")
    one, both = times(clip), times(clip, rounds=2)
    assert both[: len(one)] == one
    gap = one[-1] - one[-2]
    assert both[len(one) :] == pytest.approx([one[-1] + gap + t for t in one])


def test_the_log_carries_the_clips_time(
    tmp_path: Path, face_frame: np.ndarray, fer: Callable[..., CompletedProcess[str]]
) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), face_frame)
    still = encode(tmp_path / "face.mp4", "-pix_fmt", "yuv420p", picture=tmp_path / "face.png")
    done = fer("--source", still, "--csv", "log.csv", "--csv-interval", "0")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "log.csv").open() as file:
        found = sorted({float(row["elapsed_s"]) for row in csv.DictReader(file)})
    real = [t or 0.0 for t in presentation_times(still)]
    # A face counts from when it is sure; from there on every frame is there, at its own time.
    assert len(found) > 10
    assert found == pytest.approx(real[-len(found) :], abs=0.001)


def test_a_clip_shorter_than_the_interval_leaves_its_last_reading(
    clip: Path, tmp_path: Path, fer: Callable[..., CompletedProcess[str]]
) -> None:
    done = fer("--source", clip, "--csv", "log.csv", "--csv-interval", "3600")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "log.csv").open() as file:
        frames = [int(row["frame"]) for row in csv.DictReader(file)]
    assert frames and max(frames) == 89
