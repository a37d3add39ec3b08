"""The capture layer: health decided on an injected clock; the thread with fake sources."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from waiting import wait_until

from fer_runtime.errors import CameraError
from fer_runtime.frames.capture import Capture
from fer_runtime.frames.health import SourceHealth, is_dark, same_picture
from fer_runtime.frames.paced import Paced
from fer_runtime.settings.frames import SourceSettings

TIMEOUT_S = 10.0


def picture(value: int) -> np.ndarray:
    return np.full((48, 64, 3), value, np.uint8)


def running(settings: SourceSettings | None = None) -> SourceHealth:
    health = SourceHealth(settings or SourceSettings(), 0.0)
    health.opened(0.0)
    assert health.frame(picture(100), 0.1)
    assert health.state == "running"
    return health


def test_every_new_picture_is_worth_processing_once() -> None:
    health = running()
    assert health.frame(picture(101), 0.2)
    assert not health.frame(picture(101), 0.3)
    assert health.frame(picture(102), 0.4)


def test_no_frame_for_lost_after_s_is_a_loss() -> None:
    health = running(SourceSettings(lost_after_s=3.0))
    assert not health.check(3.0)
    assert health.check(3.2)
    assert health.reason == "no frame for 3 s"
    assert health.frame(picture(7), 3.5)
    assert not health.check(3.6)


def test_a_frozen_picture_is_noticed_within_five_seconds() -> None:
    health = running()
    now = 0.1
    while health.state == "running":
        now += 1 / 30
        health.frame(picture(100), now)
        assert now < 5.0
    assert "same picture" in health.reason


def test_a_frozen_source_stays_lost_when_opened_again_until_it_changes() -> None:
    health = running(SourceSettings(frozen_after_s=2.0))
    health.frame(picture(100), 2.5)
    assert health.state == "retrying"
    for now in (3.0, 3.5, 9.0):
        health.opened(now)
        assert not health.frame(picture(100), now + 0.1)
        assert health.state == "retrying"
    health.opened(9.5)
    assert health.frame(picture(55), 9.6)
    assert health.state == "running"


def test_freeze_detection_can_be_off() -> None:
    health = running(SourceSettings(frozen_after_s=0))
    for now in range(1, 100):
        health.frame(picture(100), float(now))
    assert health.state == "running"


def test_black_identical_frames_are_covered_and_not_lost() -> None:
    health = running()
    states = set()
    for i in range(600):
        health.frame(picture(2), 1.0 + i / 30)
        states.add(health.state)
    assert states == {"running", "covered"}
    assert health.frame(picture(90), 30.0)
    assert health.state == "running"


def test_the_state_remembers_since_when() -> None:
    health = running(SourceSettings(lost_after_s=1.0))
    health.check(5.0)
    health.lost("again", 6.0)
    assert health.since_s == 5.0


def test_dark_and_same() -> None:
    assert is_dark(picture(3)) and not is_dark(picture(40))
    lit = picture(3)
    lit[0:20, 0:30] = 200
    assert not is_dark(lit)
    other = picture(100)
    other[17, 3, 1] = 101  # one byte, off the sparse grid
    assert not same_picture(picture(100), other)
    assert not same_picture(picture(1), picture(1)[:-1])


class FakeSource:
    """Gives what a script says; `read` runs in the capture thread."""

    live, independent, name = True, False, "fake"

    def __init__(self, read: Callable[[int], np.ndarray | None], fail_opens: int = 0) -> None:
        self._read, self._fail = read, fail_opens
        self.opens = self.reads = self.closes = 0

    def open(self) -> None:
        self.opens += 1
        if self.opens <= self._fail:
            raise CameraError("camera fake: not there")

    def read(self) -> np.ndarray | None:
        self.reads += 1
        return self._read(self.reads - 1)

    def time_s(self) -> float:
        return float(self.reads - 1)

    def describe(self) -> str:
        return "64x48"

    def close(self) -> None:
        self.closes += 1


def moving(index: int) -> np.ndarray:
    time.sleep(0.002)
    return picture(30 + index % 200)


def start(source: FakeSource, **settings: float | bool) -> Capture:
    given = SourceSettings(**({"retry_s": 0.01} | settings))  # type: ignore[arg-type]
    capture = Capture(lambda: source, given)
    capture.start()
    return capture


def test_newest_frame_only_and_each_once() -> None:
    capture = start(FakeSource(moving))
    first = capture.take(TIMEOUT_S)
    assert first is not None
    wait_until(lambda: capture.captured > first.index + 20)
    second = capture.take(TIMEOUT_S)
    assert second is not None and second.index > first.index + 10  # the rest was dropped
    indices = [second.index]
    for _ in range(20):
        frame = capture.take(TIMEOUT_S)
        assert frame is not None
        indices.append(frame.index)
    assert indices == sorted(set(indices))
    assert capture.skipped >= 10
    assert capture.stop(TIMEOUT_S)


def test_it_opens_again_after_failures_and_end_of_stream() -> None:
    source = FakeSource(lambda i: None if i % 5 == 4 else moving(i), fail_opens=3)
    capture = start(source)
    wait_until(lambda: source.opens >= 8 and capture.captured > 15)
    assert capture.stop(TIMEOUT_S)
    assert source.closes >= source.opens - 4  # released before each reopening


def test_without_reconnect_the_loss_ends_it() -> None:
    capture = start(FakeSource(lambda i: moving(i) if i < 3 else None), reconnect=False)
    wait_until(lambda: capture.ended)
    assert isinstance(capture.error, CameraError)
    capture.stop(TIMEOUT_S)


def test_a_camera_that_is_absent_without_reconnect() -> None:
    capture = start(FakeSource(moving, fail_opens=99), reconnect=False)
    wait_until(lambda: capture.ended)
    assert "not there" in str(capture.error)
    capture.stop(TIMEOUT_S)


def test_a_blocked_read_does_not_block_the_stop() -> None:
    gate = threading.Event()

    def block(index: int) -> None:
        gate.wait(TIMEOUT_S)

    capture = start(FakeSource(block))
    began = time.monotonic()
    assert capture.stop(0.1) is False
    assert time.monotonic() - began < 2.0
    gate.set()


def test_a_file_whose_next_frame_is_due_in_minutes_is_not_stuck() -> None:
    gate = threading.Event()
    now = [0.0]

    class Sparse(FakeSource):
        def time_s(self) -> float:
            return 600.0

    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        gate.wait(TIMEOUT_S)

    def make() -> Paced:
        return Paced(Sparse(lambda index: picture(1)), clock=lambda: now[0], sleep=sleep)

    capture = Capture(make, SourceSettings(stuck_after_s=30), clock=lambda: now[0])
    capture.start()
    wait_until(lambda: waits == [600.0])
    first = capture.source
    for now[0] in (31.0, 62.0, 300.0):
        capture.supervise(now[0])
    assert capture.source is first and not capture.stuck
    gate.set()
    capture.stop(TIMEOUT_S)


def test_a_stuck_reader_is_replaced_once_and_then_the_process_must_go() -> None:
    gate = threading.Event()
    sources: list[FakeSource] = []

    def make() -> FakeSource:
        def block(index: int) -> None:
            gate.wait(TIMEOUT_S)

        sources.append(FakeSource(block))
        return sources[-1]

    now = [0.0]
    capture = Capture(make, SourceSettings(stuck_after_s=30), clock=lambda: now[0])
    capture.start()
    wait_until(lambda: sources[0].reads == 1)
    now[0] = 29.0
    assert capture.supervise(now[0])[0] == "retrying"  # nothing for lost_after_s
    assert len(sources) == 1
    now[0] = 31.0
    capture.supervise(now[0])
    wait_until(lambda: len(sources) == 2 and sources[1].reads == 1)
    assert not capture.stuck
    now[0] = 62.0
    capture.supervise(now[0])
    assert capture.stuck and len(sources) == 2
    gate.set()
    capture.stop(TIMEOUT_S)


def test_one_log_line_per_change_of_state(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "fer_runtime")
    source = FakeSource(moving, fail_opens=30)
    capture = start(source)
    wait_until(lambda: capture.captured > 5)
    capture.stop(TIMEOUT_S)
    lines = [r.message for r in caplog.records]
    assert len(lines) == 2, lines
    assert "lost (camera fake: not there); retrying" in lines[0]
    assert "running, 64x48" in lines[1]


def test_max_fps_thins_the_frames() -> None:
    now = [0.0]

    def read(index: int) -> np.ndarray | None:
        now[0] += 1 / 30
        return picture(index % 200 + 20) if index < 90 else None

    taken = []
    settings = SourceSettings(max_fps=10, reconnect=False)
    capture = Capture(lambda: FakeSource(read), settings, clock=lambda: now[0])
    put = capture._fresh.notify_all
    capture._fresh.notify_all = lambda: (taken.append(capture._frame), put())[1]  # type: ignore
    capture.start()
    wait_until(lambda: capture.ended)
    capture.stop(TIMEOUT_S)
    assert 28 <= len({f.index for f in taken if f}) <= 32
