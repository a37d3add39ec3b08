"""All sinks of a run as one."""

from __future__ import annotations

import pytest

from fer_runtime.out.sink import Sink
from fer_runtime.out.sinks import Sinks
from fer_runtime.settings.schema import Settings


def test_one_that_cannot_be_closed_keeps_no_other_open() -> None:
    closed: list[str] = []

    class Told(Sink):
        def __init__(self, name: str) -> None:
            self._name = name

        def close(self) -> None:
            closed.append(self._name)
            if self._name == "b":
                raise RuntimeError("can't start new thread")

    sinks = Sinks(Settings(), [Told("a"), Told("b"), Told("c")])
    with pytest.raises(RuntimeError, match="can't start"):
        sinks.close()
    assert closed == ["a", "b", "c"]
