"""Files of a set: all of them, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_report.output import write_files
from fer_runtime.errors import OutputError


def test_a_set_that_cannot_be_written_wholly_leaves_nothing_new(tmp_path: Path) -> None:
    write_files(tmp_path / "out", {"a": b"old"})
    with pytest.raises(OutputError, match="cannot be written"):
        write_files(tmp_path / "out", {"a": b"new", "b": b"new", "c" * 300: b"no such name"})
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a"]
    assert (tmp_path / "out" / "a").read_bytes() == b"old"


def test_a_set_replaces_what_is_there(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": b"old"})
    write_files(tmp_path, {"a": b"new", "b": b"2"})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"new", "b": b"2"}
