"""The file for node_exporter, alone and in the daemon, and what its numbers agree with."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closed import close
from mjpeg_server import FaultyCamera
from ports import free_port
from promtool import PROMTOOL, promtool
from statuses import STATUS

from conftest import assert_one_line
from fer_runtime.errors import ConfigError, OutputError
from fer_runtime.frames.scene import DemoScene
from fer_runtime.out.metrics.exposition import exposition
from fer_runtime.out.metrics.textfile import Textfile
from fer_runtime.settings.instance import for_instance
from fer_runtime.settings.schema import Settings

PATIENCE_S = 60.0


def total(text: str, name: str) -> float:
    """Sum over the samples of a metric."""
    return sum(float(v) for v in re.findall(rf"^{name}\{{.*\}} (\S+)$", text, re.MULTILINE))


def wait_for(path: Path, done: Callable[[str], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not (path.exists() and done(path.read_text("utf-8"))):
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {path.name}"
        time.sleep(0.02)


def failing(number: int) -> Callable[..., None]:
    """A call that the system refuses, whoever runs the tests."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def written(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_file_is_replaced_whole_and_may_be_read(tmp_path: Path) -> None:
    path = tmp_path / "fer.prom"
    sink = Textfile(str(path))
    sink.open()
    assert not path.exists()
    old = os.umask(0o077)
    try:
        sink.announce(STATUS)
    finally:
        os.umask(old)
    with path.open(encoding="utf-8") as open_file:
        sink.announce(STATUS | {"captured": 301})
        assert open_file.read() == exposition(STATUS)
    assert path.read_text("utf-8") == exposition(STATUS | {"captured": 301})
    assert {p.name for p in tmp_path.iterdir()} == {"fer.prom", "fer.prom.lock"}
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_folder_that_goes_is_one_line_and_recovers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    sink = Textfile(str(folder / "fer.prom"))
    sink.open()
    sink.announce(STATUS)
    shutil.rmtree(folder)
    for _ in range(3):
        sink.announce(STATUS)
    folder.mkdir()
    for _ in range(2):
        sink.announce(STATUS)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "cannot be written: No such file" in said[0] and said[1].endswith("written again")


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "fer.prom"
    code = (
        "import sys; from fer_runtime.out.metrics.textfile import Textfile\n"
        "try: Textfile(sys.argv[1]).open()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )

    def other() -> str:
        command = [sys.executable, "-c", code, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first = Textfile(str(path))
    first.open()
    said = other()
    assert said.startswith(f"OutputError metrics.textfile {path}: another process writes to it")
    assert said.rstrip().endswith("or give --metrics-textfile another name")
    first.close()
    assert other() == ""


def test_another_ending_would_be_read_by_nobody() -> None:
    with pytest.raises(ConfigError, match=r"fer\.txt: expected a name that ends in \.prom"):
        Textfile("/run/fer.txt")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.prom").mkdir()
    with pytest.raises(OutputError, match="expected a file, received a folder"):
        Textfile(str(tmp_path / "a.prom")).open()


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.prom")
    with pytest.raises(OutputError, match="received a device, pipe or socket"):
        Textfile(str(tmp_path / "a.prom")).open()


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "Permission denied"), (errno.EROFS, r"Read-only.*ReadWritePaths=FOLDER")],
)
def test_a_folder_that_takes_no_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", failing(number))
    with pytest.raises(OutputError, match=f"cannot be written: {words}"):
        Textfile(str(tmp_path / "fer.prom")).open()


def test_a_disk_that_is_full_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Textfile(str(tmp_path / "fer.prom"))
    with monkeypatch.context() as full:
        full.setattr(tempfile, "TemporaryFile", failing(errno.ENOSPC))
        sink.open()
    sink.announce(STATUS)
    assert (tmp_path / "fer.prom").read_text("utf-8") == exposition(STATUS)
    assert [r.getMessage().rpartition(": ")[2] for r in caplog.records] == [
        "No space left on device",
        "written again",
    ]


def test_each_camera_of_a_machine_has_its_own() -> None:
    base = Settings().with_values({"metrics.textfile": "/run/fer-edge/fer.prom"})
    moved = for_instance(base, "left", "kiosk").metrics.textfile
    assert moved == "/run/fer-edge-cameras/left/fer.prom"
    assert for_instance(Settings(), "left", "kiosk").metrics.textfile == ""


# -- the daemon ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("assets")
def test_a_bad_name_or_folder_ends_the_start(fer: Callable[..., Any], tmp_path: Path) -> None:
    start = "--source", "demo", "--max-frames", "3", "--metrics-textfile"
    assert_one_line(fer(*start, "fer.txt"), 78, "metrics.textfile fer.txt", ".prom")
    gone = tmp_path / "none" / "fer.prom"
    assert_one_line(fer(*start, gone), 74, "does not exist", f"mkdir -p {gone.parent}")
    checked = fer("--check", "--source", "demo", "--metrics-textfile", gone)
    assert checked.returncode == 74 and "does not exist" in checked.stdout + checked.stderr


@pytest.mark.usefixtures("assets")
def test_face_seconds_agree_with_the_log(fer: Callable[..., Any], tmp_path: Path) -> None:
    done = fer(
        "--source", "demo", "--duration", "60", "--csv", "log.csv", "--csv-interval", "0",
        "--visits", "visits.csv", "--minutes", "minutes.csv", "--metrics-textfile", "fer.prom",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "fer.prom").read_text("utf-8")
    seconds = total(text, "fer_face_seconds_total")
    rows = written(tmp_path / "log.csv")
    assert seconds > 30
    assert seconds == pytest.approx(len(rows) / 30.0, rel=0.02)  # the scene has 30 frames a second
    by_label: dict[str, float] = defaultdict(float)
    for row in rows:
        by_label[row["emotion"]] += 1 / 30.0
    for label, expected in by_label.items():
        own = total(text, rf'fer_face_seconds_total(?=\{{.*emotion="{label}")')
        assert own == pytest.approx(expected, rel=0.02, abs=1.0)
    visits = written(tmp_path / "visits.csv")
    assert seconds == pytest.approx(sum(float(v["seconds"]) for v in visits), abs=0.05)
    minutes = written(tmp_path / "minutes.csv")
    assert seconds == pytest.approx(sum(float(m["face_seconds"]) for m in minutes), abs=0.05)
    assert total(text, "fer_visits_total") == len(visits)
    assert total(text, "fer_csv_rows_total") == len(rows)
    assert total(text, 'fer_state(?=.*"stopping")') == 1  # written at the end, too


@pytest.mark.usefixtures("assets")
def test_a_lost_camera_counts_nothing_twice(
    fer_process: Callable[..., subprocess.Popen[str]], tmp_path: Path, portrait: np.ndarray
) -> None:
    prom, port = tmp_path / "fer.prom", free_port()
    paths = {name: tmp_path / f"{name}.csv" for name in ("log", "visits", "minutes")}
    config = tmp_path / "kiosk.yaml"
    scene = DemoScene(portrait, fps=15.0)
    with FaultyCamera(scene.frame, fps=15.0, period=75) as camera:
        settings = {
            "source": {"source": camera.url},
            "csv": {
                "path": str(paths["log"]), "visits": str(paths["visits"]),
                "minutes": str(paths["minutes"]), "interval_s": 0.0, "rotate_daily": False,
            },
            "status": {"interval_s": 0.5},
            "web": {"listen": f"127.0.0.1:{port}"},
            "metrics": {"textfile": str(prom)},
        }  # fmt: skip
        config.write_text(json.dumps(settings), "utf-8")
        process = fer_process("--config", config)
        wait_for(prom, lambda text: total(text, "fer_face_seconds_total") > 3.0)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            served = answer.read().decode()
        camera.mode = "drop"
        wait_for(prom, lambda text: total(text, "fer_away_seconds_total") > 3.0)
        before = total(prom.read_text("utf-8"), "fer_face_seconds_total")
        camera.mode = "ok"
        wait_for(prom, lambda text: total(text, "fer_face_seconds_total") > before + 3.0)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    text = prom.read_text("utf-8")
    if PROMTOOL is not None:
        assert promtool("check", "metrics", text=served) == ""
        assert promtool("check", "metrics", text=text) == ""
    seconds = total(text, "fer_face_seconds_total")
    assert total(served, "fer_face_seconds_total") <= before < seconds
    times: dict[str, list[float]] = defaultdict(list)
    for row in written(paths["log"]):
        times[row["face_id"]].append(float(row["elapsed_s"]))
    gaps = [b - a for seen in times.values() for a, b in pairwise(seen)]
    # Longer than `tracker.max_gap_s` nobody stays unseen; so long was the camera away.
    logged = sum(gap for gap in gaps if gap <= 2.0)
    assert seconds == pytest.approx(logged, rel=0.02)
    visits = sum(float(row["seconds"]) for row in written(paths["visits"]))
    minutes = sum(float(row["face_seconds"]) for row in written(paths["minutes"]))
    assert seconds == pytest.approx(visits, abs=0.05) == pytest.approx(minutes, abs=0.05)
    assert total(text, 'fer_frames_total(?=.*"processed")') == total(
        text, "fer_frame_latency_seconds_count"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no folder goes while a file in it is written")
@pytest.mark.usefixtures("assets")
def test_readings_go_on_without_the_folder(
    fer_process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    config = tmp_path / "kiosk.yaml"
    config.write_text(
        json.dumps(
            {
                "source": {"source": "demo", "realtime": True, "loop": True},
                "status": {"path": str(tmp_path / "status.json"), "interval_s": 0.5},
                "metrics": {"textfile": str(folder / "fer.prom")},
            }
        )
    )
    process = fer_process("--config", config)
    wait_for(folder / "fer.prom", lambda text: total(text, "fer_readings_total") > 0)
    shutil.rmtree(folder)
    status = tmp_path / "status.json"
    before = json.loads(status.read_text())["processed"]
    wait_for(status, lambda text: bool(json.loads(text)["processed"] > before + 60))
    folder.mkdir()
    wait_for(folder / "fer.prom", lambda text: total(text, "fer_readings_total") > 0)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 0 and "Traceback" not in said
    assert said.count("cannot be written") == 1 and said.count("written again") == 1


def test_a_folder_out_of_reach_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, tmp_path)
    with pytest.raises(OutputError, match=r"metrics\.textfile .*: Permission denied; "):
        Textfile(str(tmp_path / "in" / "fer.prom")).open()
