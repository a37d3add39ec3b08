"""No Python that we start runs what somebody has put into the working folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fer_converter.children import run_child
from fer_runtime.assets import fetch_assets
from fer_runtime.child_python import code_command, module_command
from fer_runtime.errors import AssetError, DisplayError, ModelError
from fer_runtime.model.probe import probe_flatbuffer
from fer_runtime.screen.window import check_display

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with modules of somebody else's; return the file that they write."""
    mark = tmp_path / "executed"
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name in ("cv2", "pip", "numpy", "argparse", "fer_runtime", "runpy"):
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})")
    monkeypatch.chdir(folder)
    # From Python 3.11 on this would do by itself what has to be so on 3.10 as well.
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    return mark


def test_the_trial_window_runs_opencv_alone(planted: Path) -> None:
    with pytest.raises(DisplayError):
        check_display(os.environ | {"DISPLAY": ":4095"}, "linux")
    assert not planted.exists()


def test_the_download_runs_pip_alone(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_EDGE_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(AssetError, match="cannot be downloaded"):
        fetch_assets(lambda line: None, ["yunet"])
    assert not planted.exists()


def test_the_trial_run_and_the_converters_children_too(planted: Path) -> None:
    model = (ROOT / "models" / "ferplus.tflite").read_bytes()
    probe_flatbuffer(model, "ferplus", "litert")
    with pytest.raises(ModelError):  # it knows no job, and reads its options with argparse
        run_child("json.tool", "no JSON", what="nothing", timeout_s=5.0)
    assert not planted.exists()


def test_code_and_modules_are_found_where_they_are_installed(planted: Path) -> None:
    for command in (code_command("import cv2"), [*module_command("pip"), "--version"]):
        assert not subprocess.run(command, capture_output=True, timeout=60, check=False).returncode
    assert not planted.exists()
