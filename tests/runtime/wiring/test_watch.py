"""`watch`: the daemon as an iterator, with its reconnect; typed; nothing held afterwards."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from mjpeg_server import FaultyCamera
from schemas import check
from waiting import wait_until

from conftest import ROOT
from fer_runtime import watch
from fer_runtime.errors import CameraError, DataError, ModelError
from fer_runtime.labels import EMOTIONS
from fer_runtime.settings.schema import Settings

pytestmark = pytest.mark.usefixtures("assets")


@pytest.fixture
def camera(demo_frames: Callable[[int], np.ndarray]) -> Iterator[FaultyCamera]:
    camera = FaultyCamera(demo_frames, period=90)
    yield camera
    camera.close()


def test_a_clip_gives_every_frame_and_ends(clip: Path) -> None:
    with watch(str(clip)) as moments:
        seen = list(moments)
    frames = [m.frame for m in seen if m.frame is not None]
    assert sorted(set(frames)) == list(range(90))
    assert seen[-1].state == "stopping"
    face = next(m for m in seen if m.people).faces[0]
    assert set(face.probabilities) == set(EMOTIONS)
    assert sum(face.probabilities.values()) == pytest.approx(1.0)
    for moment in seen:
        check("moment", moment.to_dict())


def test_a_slow_caller_waits_for_no_old_moment(camera: FaultyCamera) -> None:
    with watch(camera.url) as moments:
        first = next(m for m in moments if m.frame is not None)
        sent = camera.sent
        wait_until(lambda: camera.sent >= sent + 30, "thirty more frames")
        next(moments)  # may have lain ready
        second = next(m for m in moments if m.frame is not None)
    assert first.frame is not None and second.frame is not None
    assert second.frame > first.frame + 10


def test_a_lost_camera_is_a_state_and_comes_back(camera: FaultyCamera) -> None:
    with watch(camera.url) as moments:
        next(m for m in moments if m.state == "running")
        camera.mode = "refuse"
        lost = next(m for m in moments if m.state == "retrying")
        assert lost.people == 0 and lost.emotion is None
        camera.mode = "ok"
        back = next(m for m in moments if m.state == "running")
    assert back.run == lost.run and back.elapsed_s > 0


def test_leaving_frees_the_camera(camera: FaultyCamera) -> None:
    with watch(camera.url) as moments:
        next(m for m in moments if m.state == "running")
        began = time.monotonic()
    # Half a second is promised; the bound here is for a machine with other work.
    assert time.monotonic() - began < 2.0
    wait_until(lambda: not camera.clients, "the connection to be closed")


def test_what_cannot_heal_is_an_exception(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(CameraError, match="no such file"):
        watch(str(tmp_path / "none.avi"))
    (tmp_path / "broken.avi").write_bytes(b"\0" * 2000)
    with pytest.raises(DataError, match="expected a video"), watch(tmp_path / "broken.avi") as all_:  # type: ignore[arg-type]
        list(all_)
    bad = Settings().with_values({"classifier.model": str(tmp_path / "none.tflite")})
    with pytest.raises(ModelError, match=r"none\.tflite"), watch(str(clip), bad) as moments:
        list(moments)
    with pytest.raises(RuntimeError, match="with watch"):
        next(watch(str(clip)))


def test_the_readmes_example_is_typed_and_runs(clip: Path, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(from fer_runtime import watch\n.*?)```", text, re.S)
    assert len(example.splitlines()) <= 7
    script = tmp_path / "example.py"
    script.write_text(example.replace('watch("0")', f"watch({str(clip)!r})"))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=",
         str(script)],
        cwd=tmp_path, env={"MYPYPATH": str(ROOT / "runtime"), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "happy" in ran.stdout or re.search(r"0\.\d+", ran.stdout)
