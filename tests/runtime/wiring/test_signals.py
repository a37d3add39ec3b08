"""Signals: plain flags that no storm can wedge; what a reload changes and what it cannot."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from waiting import wait_until

from fer_runtime.command import cli
from fer_runtime.errors import ModelError
from fer_runtime.settings.schema import Settings, changed_but_fixed, in_force
from fer_runtime.wiring.daemon import Daemon
from fer_runtime.wiring.notify import Notifier
from fer_runtime.wiring.processor import Processor
from fer_runtime.wiring.signals import Signals, hold_reload

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of POSIX")


def test_a_reload_that_is_asked_for_before_the_handlers_are_there_waits_for_them() -> None:
    hold_reload()
    signal.raise_signal(signal.SIGHUP)
    signals = Signals()
    restore = signals.catch()
    try:
        assert signals.take_reload() and not signals.stop
        assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        restore()


def test_the_command_holds_a_reload_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    masks: list[set[int]] = []

    def run(*what: object, **more: object) -> None:
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    monkeypatch.setattr(cli, "run_command", run)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        cli.main([])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert signal.SIGHUP in masks[0]


def test_ctrl_c_before_the_handlers_are_there_is_no_exception_that_may_be_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []

    def run(*what: object) -> int:
        seen.append(signal.getsignal(signal.SIGINT))
        return 0

    monkeypatch.setattr("fer_runtime.command.run.run", run)
    monkeypatch.setattr(cli, "set_up_logging", lambda level: None)
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cli.command.main(["--source", "demo"], standalone_mode=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell's background jobs have it
        cli.command.main(["--source", "demo"], standalone_mode=False)
    finally:
        signal.signal(signal.SIGINT, old)
    assert seen == [signal.SIG_DFL, signal.SIG_IGN]


def test_a_signal_may_come_between_any_two_steps_of_taking_one() -> None:
    signals = Signals()
    restore = signals.catch()
    raised = 0

    def storm(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        # In every Python function that runs below, its handler aside.
        nonlocal raised
        if frame.f_code.co_name != "_handle" and raised < 1000:
            raised += 1
            signal.raise_signal(signal.SIGHUP)
        return storm

    old = sys.gettrace()
    try:
        sys.settrace(storm)
        for _ in range(50):
            signals.take_reload()
    finally:
        sys.settrace(old)
        restore()
    assert raised > 50
    assert signals.take_reload() and not signals.take_reload() and not signals.stop


def test_flags_and_handlers_come_and_go() -> None:
    before = signal.getsignal(signal.SIGTERM)
    signals = Signals()
    restore = signals.catch()
    signal.raise_signal(signal.SIGTERM)
    assert signals.stop
    restore()
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_installs_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=lambda: Signals().catch()())
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_takes_a_restart_keeps_its_value_and_is_named_at_every_reload() -> None:
    old = Settings()
    new = old.with_values({"run.duration_s": 1.0, "csv.interval_s": 5.0, "classifier.threads": 4})
    now = in_force(old, new)
    assert now.csv.interval_s == 5.0
    assert now.run.duration_s == 0.0 and now.classifier.threads == 1
    assert changed_but_fixed(now, new) == ["classifier.threads", "run.duration_s"]


@pytest.mark.usefixtures("assets")
def test_a_storm_of_reloads_neither_wedges_nor_ends_a_run(
    fer_process: Callable[..., Any], clip: Path, tmp_path: Path
) -> None:
    config = tmp_path / "kiosk.yaml"
    config.write_text("{}\n")
    process = fer_process("--config", config, "--source", clip, "--loop", "--realtime",
                          "--status-file", "status.json", "--log-level", "warning")  # fmt: skip
    wait_until((tmp_path / "status.json").exists)
    config.write_text("run: {duration_s: 0.1}\n")
    for _ in range(3000):
        os.kill(process.pid, signal.SIGHUP)
    for _ in range(3):
        time.sleep(0.3)
        assert process.poll() is None, process.communicate()[1]
        process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 0, errors
    # Said again at each reload, since it is not in force after any of them.
    assert errors.count("these take a restart: run.duration_s") >= 3, errors


class Watchdog(Notifier):
    def __init__(self) -> None:
        super().__init__("", 0.5)
        self.signs: list[float] = []

    def watchdog(self, now: float) -> None:
        self.signs.append(now)


def test_a_main_thread_that_hangs_stops_the_signs_of_life() -> None:
    now = [100.0]
    daemon = Daemon(Settings(), clock=lambda: now[0])
    daemon._notifier = watchdog = Watchdog()
    for now[0] in (101.0, 105.0, 109.0, 111.0, 500.0):
        daemon._progress(now[0])  # the processing loop goes on all the while
    assert watchdog.signs == [101.0, 105.0, 109.0]


class Feed:
    """Frames as fast as they are asked for."""

    def __init__(self, frames: int) -> None:
        import numpy as np

        from fer_runtime.frames.source import Frame

        self.left, self.ended, self.stuck, self.error = frames, False, False, None
        self.captured = self.skipped = 0
        self.source = type("S", (), {"independent": False, "name": "feed", "live": True})()
        self._frame = lambda i: Frame(np.zeros((48, 64, 3), np.uint8), i, i / 10)

    def take(self, timeout_s: float) -> Any:
        self.left -= 1
        if self.left < 0:
            self.ended = True
            return None
        self.captured += 1
        return self._frame(self.captured - 1)


class Pipeline:
    """Reads nobody, and fails on the frames that it is told to."""

    idle = False

    def __init__(self, bad: set[int]) -> None:
        self.bad, self.count = bad, -1

    def analyze(self, image: Any, now: float, *, independent: bool = False) -> list[Any]:
        self.count += 1
        if self.count in self.bad:
            raise ModelError("model m.tflite: cannot be run: arena")
        return []

    def reset(self) -> None:
        pass


def processed(frames: int, bad: set[int]) -> Processor:
    processor = Processor(Feed(frames), Pipeline(bad), [], clock=lambda: 0.0)  # type: ignore[arg-type]
    processor.start()
    assert processor.done.wait(30)
    return processor


def test_one_failed_run_of_the_model_leaves_one_frame_out() -> None:
    processor = processed(20, {3, 9})
    assert processor.error is None and processor.frames == 18 and processor.failed == 2


def test_a_model_that_keeps_failing_ends_the_process_with_status_1() -> None:
    processor = processed(20, set(range(5, 20)))
    assert processor.frames == 5
    assert type(processor.error).__name__ == "PipelineError" and processor.error.exit_code == 1  # type: ignore[union-attr]
    assert processor.error is not None and "5 frames within 60 s" in str(processor.error)
    assert "cannot be run: arena" in str(processor.error)


def test_a_run_of_which_every_frame_failed_is_no_success() -> None:
    processor = processed(1, {0})
    assert "every frame" in str(processor.error)


def test_no_picture_and_no_label_outlive_a_loss() -> None:
    class Lost(Feed):
        def take(self, timeout_s: float) -> Any:
            frame = super().take(timeout_s)
            self.ended = False
            time.sleep(0.001)
            return frame

    processor = Processor(Lost(3), Pipeline(set()), [], clock=lambda: 7.0)  # type: ignore[arg-type]
    processor.paused = True
    processor.start()
    wait_until(lambda: processor.frames == 3 and processor.result is None)
    assert processor.faces == ()
    assert processor._done_s == 7.0
    assert processor.stop(5)
