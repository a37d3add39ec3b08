"""Files are whole or not there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from trainer_runs import python

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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_or_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="expected a file, received a device, pipe or socket"):
        write_text(tmp_path / "pipe", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"] and (tmp_path / "pipe").is_fifo()


_FULL = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from fer_runtime.errors import OutputError
from fer_training.fit.checkpoint import State, save_checkpoint
model = SimpleNamespace(variables=[np.zeros(50_000)], optimizer=SimpleNamespace(variables=[]))
sys.stderr = sys.stdout
save_checkpoint(Path(sys.argv[1]), model, State())
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # as a full disk
try:
    save_checkpoint(Path(sys.argv[1]), model, State(step=1))
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX facility")
def test_a_checkpoint_that_does_not_fit_is_one_line_and_the_old_one_stays(tmp_path: Path) -> None:
    said = python(_FULL, tmp_path)
    assert len(said.splitlines()) == 1 and "checkpoint.npz: cannot be written" in said, said
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]
    with np.load(tmp_path / "checkpoint.npz") as archive:
        assert '"step": 0' in str(archive["state"])
