"""The service manager's protocol, heard at a real socket."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_runtime.wiring.notify import Notifier

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")


class Manager:
    """The listening end."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(5)

    def heard(self) -> str:
        return self.socket.recv(4096).decode()

    def silent(self) -> bool:
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(5)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.socket.close()


def notifier(tmp_path: Path, **env: str) -> Notifier:
    return Notifier.from_env({"NOTIFY_SOCKET": str(tmp_path / "notify")} | env)


def test_the_messages_of_a_life(manager: Manager, tmp_path: Path) -> None:
    us = notifier(tmp_path)
    us.ready()
    assert manager.heard() == "READY=1"
    us.status("running: 30 fps,\n1 face")
    assert manager.heard() == "STATUS=running: 30 fps, 1 face"
    us.status("running: 30 fps, 1 face")  # the same again is not sent
    us.reloading(12.5)
    assert manager.heard() == "RELOADING=1\nMONOTONIC_USEC=12500000"
    us.stopping()
    assert manager.heard() == "STOPPING=1"
    assert manager.silent()


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket() -> None:
    name = f"fer-edge-test-{os.getpid()}"
    manager = Manager("\0" + name)
    Notifier.from_env({"NOTIFY_SOCKET": "@" + name}).ready()
    assert manager.heard() == "READY=1"
    manager.socket.close()


def test_signs_of_life_at_half_the_limit(manager: Manager, tmp_path: Path) -> None:
    us = notifier(tmp_path, WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid()))
    assert us.watchdog_interval_s == 5.0
    sent = []
    for tenth in range(160):
        us.watchdog(tenth / 10)
        if not manager.silent():
            sent.append(tenth / 10)
    # `silent` consumed them; it saw one at 0, 5, 10 and 15 seconds.
    assert sent == [0.0, 5.0, 10.0, 15.0]


@pytest.mark.parametrize(
    "env", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
            {"WATCHDOG_USEC": "soon"}],
)  # fmt: skip
def test_no_signs_of_life_where_none_are_awaited(
    manager: Manager, tmp_path: Path, env: dict[str, str]
) -> None:
    us = notifier(tmp_path, **env)
    assert us.watchdog_interval_s is None
    us.watchdog(0.0)
    us.watchdog(100.0)
    assert manager.silent()


def test_without_a_manager_nothing_happens() -> None:
    us = Notifier.from_env({})
    us.ready()
    us.status("x")
    us.watchdog(0.0)
    us.stopping()


def test_a_manager_that_is_gone_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    us = notifier(tmp_path, WATCHDOG_USEC="2000000")
    for now in range(10):
        us.watchdog(float(now))
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    manager = Manager(str(tmp_path / "notify"))
    us.watchdog(20.0)
    assert manager.heard() == "WATCHDOG=1"
    manager.socket.close()
