"""``fer-batch``: real command, real Dask processes."""

from __future__ import annotations

import csv
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest

from conftest import assert_one_line, clean_env
from fer_archive.analysis import analyze_clip
from fer_archive.clips import find_clips
from fer_archive.index import Index
from fer_runtime.errors import CameraError
from fer_runtime.settings.schema import Settings

pytest.importorskip("distributed", reason="extra batch is not installed")
Command = Callable[..., CompletedProcess[str]]
BATCH = [sys.executable, "-m", "fer_archive.batch"]


@pytest.fixture(scope="module")
def videos(
    tmp_path_factory: pytest.TempPathFactory, demo_frames: Callable[[int], np.ndarray]
) -> Path:
    """Three clips of 30 frames, one of them in a folder, and a file that is none."""
    root = tmp_path_factory.mktemp("videos")
    (root / "day 2").mkdir()
    for number, name in enumerate(("a.avi", "b.avi", "day 2/a.avi")):
        writer = cv2.VideoWriter(
            str(root / name), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (640, 480)
        )
        for index in range(30):
            writer.write(demo_frames(60 * number + 3 * index))
        writer.release()
        os.utime(root / name, (1_790_000_000, 1_790_000_000))
    (root / "notes.txt").write_text("not a clip")
    return root


def results(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*.csv"))}


def index(out: Path) -> list[dict[str, str]]:
    with (out / "index.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def once(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one undisturbed batch."""
    out = tmp_path_factory.mktemp("once") / "out"
    done = subprocess.run(
        [*BATCH, str(videos), "-o", str(out), "--jobs", "2", "--every-frame"],
        env=clean_env(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "3 of 3 clips done" in done.stdout
    return out


def test_every_clip_has_its_files_and_a_row_in_the_index(once: Path) -> None:
    names = ["a.avi", "b.avi", "day 2/a.avi"]
    assert set(results(once)) == {
        "index.csv",
        *(f"{n}{kind}.csv" for n in names for kind in ("", ".frames", ".visits", ".minutes")),
    }  # fmt: skip
    rows = index(once)
    assert [r["file"] for r in rows] == names
    for row in rows:
        assert row["frames"] == "30" and float(row["duration_s"]) == pytest.approx(2.9)
        assert len(row["sha256"]) == 64 and row["error"] == ""
        assert int(row["faces"]) >= 1 and 0 < float(row["face_s"]) <= 2.9
    assert not (once / ".work").exists()


def test_visits_and_minutes_agree_with_the_index(once: Path) -> None:
    for row in index(once):
        with (once / f"{row['file']}.visits.csv").open() as file:
            visits = list(csv.DictReader(file))
        with (once / f"{row['file']}.minutes.csv").open() as file:
            minutes = list(csv.DictReader(file))
        assert {v["device"] for v in visits} == {row["file"]}
        assert {v["run"] for v in visits} == {row["sha256"][:12]}
        assert len(visits) == int(row["faces"])
        watched = sum(float(m["seconds_watched"]) for m in minutes)
        assert watched == pytest.approx(float(row["duration_s"]), abs=0.01)
        in_view = sum(float(m["face_seconds"]) for m in minutes)
        assert in_view == pytest.approx(sum(float(v["seconds"]) for v in visits), abs=0.01)


def test_every_frame_has_a_row_and_agrees_with_the_log(once: Path) -> None:
    with (once / "a.avi.frames.csv").open() as file:
        frames = list(csv.DictReader(file))
    with (once / "a.avi.csv").open() as file:
        log = list(csv.DictReader(file))
    assert sorted({int(r["frame"]) for r in frames}) == list(range(30))
    read = [(r["frame"], r["face_id"], r["emotion"]) for r in frames if r["success"] == "1"]
    assert read == [(r["frame"], r["face_id"], r["emotion"]) for r in log]
    assert all(r["emotion"] == "" for r in frames if r["success"] == "0")


def test_a_killed_batch_goes_on_to_the_same_bytes(
    videos: Path, once: Path, tmp_path: Path, fer: Command
) -> None:
    out = tmp_path / "out"
    arguments = [str(videos), "-o", str(out), "--jobs", "1", "--every-frame"]
    process = subprocess.Popen(
        [*BATCH, *arguments], env=clean_env(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 100
    while not list(out.glob(".done/*.json")) and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(out.glob(".done/*.json")), "nothing was done before the kill"
    done = fer(*arguments, module="fer_archive.batch")
    assert done.returncode == 0, done.stderr
    assert results(out) == results(once)


def test_done_clips_are_not_read_again_but_those_of_other_settings_are(
    videos: Path, once: Path, tmp_path: Path, fer: Command
) -> None:
    out = tmp_path / "out"
    shutil.copytree(once, out)
    again = fer(videos, "-o", out, "--every-frame", module="fer_archive.batch")
    assert again.returncode == 0 and "3 of 3 clips were done before" in again.stderr
    other = fer(videos / "a.avi", "-o", out, "--csv-interval", "1", module="fer_archive.batch")
    assert other.returncode == 0 and "done before" not in other.stderr


def test_one_broken_clip_stops_no_other(videos: Path, tmp_path: Path, fer: Command) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "broken.mp4").write_bytes(b"\0" * 5000)
    (mixed / "empty.mp4").touch()
    (mixed / "good.avi").write_bytes((videos / "a.avi").read_bytes())
    done = fer(mixed, "-o", "out", "--jobs", "1", module="fer_archive.batch")
    assert_one_line(done, 65, "2 of 3 clips", "broken.mp4", name="fer-batch")
    rows = {r["file"]: r for r in index(tmp_path / "out")}
    assert "expected a video" in rows["broken.mp4"]["error"]
    assert "empty file" in rows["empty.mp4"]["error"]
    assert rows["good.avi"]["error"] == "" and rows["good.avi"]["frames"] == "30"
    assert not (tmp_path / "out" / "broken.mp4.csv").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_a_clip_whose_name_is_no_text_is_a_row_of_the_index(tmp_path: Path) -> None:
    names = [b"a\xff.mp4", b'b\n,".mp4']
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"no clip")
    out, settings = tmp_path / "out", Settings()
    record, outcomes = Index(out, settings, False), []
    for clip in find_clips([str(tmp_path)]):
        outcomes.append(analyze_clip(clip, out, settings, False))
        record.add(clip, outcomes[-1])
    record.write(outcomes)
    assert [r["file"] for r in index(out)] == ["a\ufffd.mp4", 'b\n,".mp4']
    assert "expected a file name in UTF-8" in index(out)[0]["error"]


def test_a_clip_that_has_gone_meanwhile_is_a_row_of_the_index(tmp_path: Path) -> None:
    path, settings = tmp_path / "a.mp4", Settings()
    path.write_bytes(b"no clip")
    (clip,) = find_clips([str(path)])
    path.unlink()
    outcome = analyze_clip(clip, tmp_path / "out", settings, False)
    assert outcome.exit_code == 0 and "clip a.mp4: cannot be read" in outcome.error
    record = Index(tmp_path / "out", settings, False)
    record.add(clip, outcome)
    assert record.known(clip) is None


def test_a_folder_that_may_not_be_read_is_not_called_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> list[str]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(CameraError, match="cannot be read: Permission denied"):
        find_clips([str(tmp_path)])


def test_a_full_disk_ends_it_with_74_and_leaves_no_half(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 3; exec "$@"', "-", *BATCH, str(videos), "-o", str(out),
         "--jobs", "1", "--every-frame"],
        env=clean_env(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert_one_line(done, 74, f"{out}: the disk is full", name="fer-batch")
    assert not [line for line in done.stderr.splitlines() if "left out" in line]
    assert results(out) == {} and not (out / ".work").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing/", "-o", "out"], 69, "nothing"),
        ([".", "-o", "out"], 65, "expected clips"),
        (["a/x.mp4", "b/x.mp4", "-o", "out"], 2, "both be written"),
        (["a/x.mp4", "-o", "a/x.mp4"], 74, "cannot be written"),
        (["a/x.mp4", "-o", "out", "--model", "nothing.tflite"], 78, "nothing.tflite"),
        (["a/x.mp4", "-o", "out", "--scheduler", "tcp://127.0.0.1:9"], 69, "cannot be reached"),
        (["a/x.mp4", "-o", "out", "--scheduler", "rubbish"], 69, "cannot be reached"),
        (["a/x.mp4", "-o", "out", "--jobs", "2", "--scheduler", "tcp://h:1"], 2, "--jobs"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    arguments: list[str], code: int, words: str, tmp_path: Path, fer: Command
) -> None:
    if arguments[0] != ".":
        for folder in "ab":
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "x.mp4").write_bytes(b"x")
    done = fer(*arguments, module="fer_archive.batch")
    assert_one_line(done, code, words, name="fer-batch")


def test_without_the_extra_it_says_what_to_install(
    videos: Path, tmp_path: Path, fer: Command
) -> None:
    (tmp_path / "shadow" / "dask").mkdir(parents=True)
    (tmp_path / "shadow" / "dask" / "__init__.py").write_text("raise ImportError('no dask')")
    path = os.pathsep.join([str(tmp_path / "shadow"), os.environ.get("PYTHONPATH", "")])
    done = fer(videos / "a.avi", "-o", "out", module="fer_archive.batch", PYTHONPATH=path)
    assert_one_line(done, 78, "fer-edge[batch]", name="fer-batch")


# -- a cluster that exists ------------------------------------------------------------------


class Cluster:
    """A real scheduler and worker processes on loopback."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show",
            "--scheduler-file", str(self._file),
        )  # fmt: skip
        self.workers = [
            self._start(
                "worker", "--scheduler-file", str(self._file), "--nthreads", "1", "--no-nanny",
                "--no-dashboard", "--local-directory", str(folder / f"w{n}"),
            )
            for n in range(2)
        ]  # fmt: skip

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]],
            env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def address(self) -> str:
        import json

        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                return str(json.loads(self._file.read_text())["address"])
            except (OSError, ValueError):
                time.sleep(0.05)
        raise AssertionError("the scheduler did not start")

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


def test_a_worker_that_dies_under_way_loses_nothing(
    videos: Path, once: Path, tmp_path: Path, cluster: Cluster
) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*BATCH, str(videos), "-o", str(out), "--every-frame", "--scheduler", cluster.address],
        env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 100
    # Kill the worker that is in the middle of a clip.
    while not list(out.glob(".work/*/clip.csv")) and time.monotonic() < until:
        time.sleep(0.005)
    cluster.workers[0].kill()
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "3 of 3 clips done" in said
    assert results(out) == results(once)


def test_a_scheduler_that_goes_away_is_one_line_and_the_rest_can_be_done(
    videos: Path, once: Path, tmp_path: Path, cluster: Cluster, fer: Command
) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*BATCH, str(videos), "-o", str(out), "--every-frame", "--scheduler", cluster.address],
        env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 100
    while not list(out.glob(".work/*/clip.csv")) and time.monotonic() < until:
        time.sleep(0.005)
    cluster.stop()
    said, errors = process.communicate(timeout=120)
    assert_one_line(
        CompletedProcess([], process.returncode, said, errors), 69, "scheduler", name="fer-batch"
    )
    done = fer(videos, "-o", out, "--every-frame", module="fer_archive.batch")
    assert done.returncode == 0, done.stderr
    assert results(out) == results(once)
