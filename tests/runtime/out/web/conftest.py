"""A web sink on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from web_sink import Web

pytest.importorskip("uvicorn", reason="extra web is not installed")


@pytest.fixture
def web() -> Iterator[Callable[..., Web]]:
    """Make a `Web` with settings of its own; all are closed at the end."""
    made: list[Web] = []

    def make(**settings: Any) -> Web:
        made.append(Web(**settings))
        return made[-1]

    yield make
    for one in made:
        one.sink.close()
