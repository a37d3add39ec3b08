"""Files are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_runtime.errors import OutputError
from fer_training.atomic import replacing, write_text


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(OutputError, match="No space left"), replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        1 / 0  # noqa: B018
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
