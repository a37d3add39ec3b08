"""Reads that block for ever, cameras that come and go: what the capture thread makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from one_handle import Device
from waiting import wait_until

from fer_runtime.errors import CameraError, FerError
from fer_runtime.frames.capture import Capture
from fer_runtime.frames.health import SourceHealth
from fer_runtime.frames.paced import Paced
from fer_runtime.frames.patience import STEADY_S, Patience
from fer_runtime.settings.frames import SourceSettings

TIMEOUT_S = 10.0


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.release.set()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def started(device: Device, clock: Clock) -> Capture:
    settings = SourceSettings(stuck_after_s=30, retry_s=0.1)
    capture = Capture(device.make, settings, clock)
    capture.start()
    return capture


def test_a_read_that_never_returns_ends_the_process_although_opening_is_refused_at_once(
    device: Device,
) -> None:
    clock = Clock()
    capture = started(device, clock)
    wait_until(lambda: device.blocked == 1)
    clock.now = 31.0
    capture.supervise(clock.now)
    # Our own handle holds the camera: the second reader is refused again and again.
    wait_until(lambda: device.refused >= 3)
    for _ in range(29):
        clock.now += 1.0
        refused = device.refused
        wait_until(lambda seen=refused: device.refused > seen)  # type: ignore[misc]
        state, _, reason = capture.supervise(clock.now)
        assert state == "retrying" and "busy" in reason
        assert not capture.stuck
    clock.now = 61.5
    capture.supervise(clock.now)
    assert capture.stuck
    capture.stop(TIMEOUT_S)


def test_readers_that_each_deliver_a_little_and_block_do_not_pile_up(device: Device) -> None:
    clock = Clock()
    device.shared, device.frames_before_block = True, 5
    capture = started(device, clock)
    wait_until(lambda: device.blocked == 1)
    assert capture.supervise(1.0)[0] == "running"
    clock.now = 31.0
    capture.supervise(clock.now)
    wait_until(lambda: device.blocked == 2)
    assert capture.supervise(clock.now)[0] == "running" and not capture.stuck
    clock.now = 62.0
    capture.supervise(clock.now)
    assert capture.stuck and device.blocked == 2
    capture.stop(0.0)  # both are blocked until the device lets them go


def test_a_reader_left_behind_that_comes_back_lets_the_camera_go(device: Device) -> None:
    clock = Clock()
    capture = started(device, clock)
    wait_until(lambda: device.blocked == 1)
    clock.now = 31.0
    capture.supervise(clock.now)
    wait_until(lambda: device.refused >= 1)
    device.frames_before_block = 10**9
    device.release.set()
    wait_until(lambda: capture.captured > 3)
    clock.now = 90.0
    taken = capture.captured
    wait_until(lambda: capture.captured > taken)
    capture.supervise(clock.now)
    assert not capture.stuck and device.holder is capture.source
    assert capture.stop(TIMEOUT_S)


def test_an_absent_camera_and_a_long_pause_are_not_stuck(device: Device) -> None:
    clock = Clock()
    device.present = False
    settings = SourceSettings(stuck_after_s=2, retry_s=60)
    capture = Capture(device.make, settings, clock)
    capture.start()
    wait_until(lambda: capture.supervise(clock.now)[0] == "retrying")
    for clock.now in (5.0, 30.0, 59.0):
        capture.supervise(clock.now)
    assert not capture.stuck and device.opens == 1
    assert capture.stop(TIMEOUT_S)


def test_a_slow_first_opening_is_no_loss() -> None:
    health = SourceHealth(SourceSettings(lost_after_s=3), 0.0)
    health.opening()
    assert not health.check(9.0) and health.state == "starting"
    health.opened(9.5)
    assert not health.check(12.0)
    assert health.check(12.6)  # open, but without a frame


def test_an_opening_that_is_refused_is_a_loss_at_once(device: Device) -> None:
    device.present = False
    capture = started(device, Clock())
    wait_until(lambda: capture.supervise(0.0)[0] == "retrying")
    assert capture.supervise(0.0)[2] == "camera /dev/video0: not there"
    capture.stop(TIMEOUT_S)


def test_a_fault_of_the_program_is_called_one(device: Device) -> None:
    class Broken:
        live, independent, name = True, False, "broken"

        def open(self) -> None:
            raise KeyError("no such thing")

        read = close = describe = time_s = open

    capture = Capture(Broken, SourceSettings(), Clock())  # type: ignore[arg-type]
    capture.start()
    wait_until(lambda: capture.ended)
    assert isinstance(capture.error, FerError) and not isinstance(capture.error, CameraError)
    assert str(capture.error) == "source broken: internal error: KeyError: 'no such thing'"
    assert capture.error.exit_code == 1
    capture.supervise(1e6)
    assert not capture.stuck


def test_a_new_reason_is_logged_and_an_old_one_is_not(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "fer_runtime")
    capture = Capture(device.make, SourceSettings(), Clock())
    capture.source = device.make()
    capture._generation = 1
    for reason in ("not there", "not there", "no permission", "not there", "no permission"):
        capture._failed(1, reason, None)
    lines = [r.message for r in caplog.records]
    assert lines == [
        "source camera /dev/video0: lost (not there); retrying",
        "source camera /dev/video0: still lost (no permission); retrying",
    ]


class Flapping:
    """Delivers three frames each time it is opened, then none."""

    live, independent, name = True, False, "flapping"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.opens: list[float] = []
        self._left = 0
        self.steady = False

    def open(self) -> None:
        self.opens.append(self.clock.now)
        self._left = 3

    def read(self) -> np.ndarray | None:
        self._left -= 1
        self.clock.now += 0.03
        if self._left < 0 and not self.steady:
            return None
        return np.full((4, 4, 3), 40 + self._left % 100, np.uint8)

    def time_s(self) -> float:
        return 0.0

    def describe(self) -> str:
        return "4x4"

    def close(self) -> None:
        pass


def test_a_camera_that_comes_and_goes_is_given_time_and_few_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "fer_runtime")
    clock = Clock()
    source = Flapping(clock)
    capture = Capture(lambda: source, SourceSettings(), clock)

    def wait(pause_s: float) -> bool:
        clock.now += pause_s
        if clock.now > 600:
            source.steady = True
        return False

    capture._stop.wait = wait  # type: ignore[assignment,method-assign]
    capture.start()
    wait_until(lambda: source.steady and clock.now > source.opens[-1] + STEADY_S + 1)
    capture.stop(TIMEOUT_S)
    gaps = np.diff(source.opens)
    assert gaps[0] < 1 and gaps[-1] == pytest.approx(30, abs=0.5)
    assert len(source.opens) < 40  # in ten minutes; without it more than a thousand
    lines = [r.message for r in caplog.records]
    assert len(lines) <= 8, lines
    assert sum("comes and goes" in line for line in lines) == 1
    assert "running" in lines[-1]


def test_an_absent_camera_is_tried_at_a_steady_pace() -> None:
    patience = Patience(0.5)
    for now in range(100):
        patience.lost(float(now))
        assert patience.pause_s() == 0.5
    patience.delivered(100.0)
    patience.delivered(100.0 + STEADY_S)
    patience.lost(200.0)
    assert patience.pause_s() == 0.5 and not patience.flapping


def test_a_file_that_cannot_be_played_ends_the_run() -> None:
    class Bad(Flapping):
        def open(self) -> None:
            self.opens.append(0.0)
            raise CameraError("source bad.mp4: cannot be opened")

    inner = Bad(Clock())
    capture = Capture(lambda: Paced(inner), SourceSettings())
    capture.start()
    wait_until(lambda: capture.ended)
    assert "bad.mp4" in str(capture.error) and len(inner.opens) == 1
    capture.stop(TIMEOUT_S)
