"""Model files of unknown origin: what the trial run lets through and what it stops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fer_runtime.errors import ModelError
from fer_runtime.model.interpreter import installed_interpreters
from fer_runtime.model.metadata import model_path, read_model, shipped_models
from fer_runtime.model.probe import probe, probe_flatbuffer

SHIPPED = shipped_models()


@pytest.mark.parametrize("interpreter", installed_interpreters())
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_pass(name: str, interpreter: str) -> None:
    probe(model_path(name), interpreter)


def test_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        probe(tmp_path / "none.tflite", "litert")


def test_a_cut_file_is_one_line() -> None:
    flatbuffer = read_model(model_path(SHIPPED[0]))[0]
    with pytest.raises(ModelError, match=r"cut\.tflite: litert cannot run it"):
        probe_flatbuffer(flatbuffer[:5000], "cut.tflite", "litert")


# A stand-in for an interpreter that a file brings down; installed as ai_edge_litert.
FAKES = {
    "crash": ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    "hang": ("while True: time.sleep(1)", "did not end within 1 s"),
    "memory": ("held = bytearray(8 << 30)", "more than 1024 MiB of memory"),
    "error": ("raise RuntimeError('first line\\nsecond line')", "first line second line"),
    "silence": ("os._exit(3)", "exit status 3"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="signals and memory limits of Linux")
@pytest.mark.parametrize("how", FAKES)
def test_what_happens_in_the_child_becomes_one_line(how: str, tmp_path: Path) -> None:
    action, words = FAKES[how]
    package = tmp_path / "ai_edge_litert"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text(
        "import os, signal, time\n"
        "class Interpreter:\n"
        "    def __init__(self, **_):\n"
        f"        {action}\n"
    )
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from fer_runtime.model.probe import probe\n"
        "from fer_runtime.model.metadata import model_path\n"
        f"probe(model_path({SHIPPED[0]!r}), 'litert', timeout_s=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("fer_runtime.errors.ModelError: model ")
    assert words in last
