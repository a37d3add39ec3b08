"""Fixtures of the report's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_log import Row, log_text


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as a log; return its path."""

    def write(rows: list[Row], name: str = "log.csv") -> Path:
        path = tmp_path / name
        path.write_text(log_text(rows), encoding="utf-8")
        return path

    return write
