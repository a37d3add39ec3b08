"""Local time in a zone that is set while the daemon runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from fer_runtime.wiring.wall import WallClock

pytestmark = pytest.mark.skipif(not hasattr(time, "tzset"), reason="no tzset here")


@pytest.fixture(autouse=True)
def zone_afterwards() -> Iterator[None]:
    """Begun before the environment is changed, and ended after it is as it was."""
    yield
    time.tzset()


def test_a_zone_that_is_set_meanwhile_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    wall = WallClock(lambda: now[0])
    assert wall().utcoffset() == timedelta(hours=1)
    monkeypatch.setenv("TZ", "JST-9")
    now[0] += 9.9
    assert wall().utcoffset() == timedelta(hours=1)
    now[0] += 0.1
    assert wall().utcoffset() == timedelta(hours=9)
