"""The real command as a subprocess: sources, sinks, limits, signals, and every bad input."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from mjpeg_server import FaultyCamera

from conftest import Command, assert_one_line
from fer_runtime.assets import asset_folder
from fer_runtime.command.console import run_command
from fer_runtime.command.run import LiveLine
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.metadata import model_path, read_model, write_model
from fer_runtime.out.csv.row import COLUMNS

pytestmark = pytest.mark.usefixtures("assets")
TIMEOUT_S = 60.0


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def row_count(path: Path) -> int:
    return len(path.read_bytes().splitlines()) - 1 if path.exists() else 0


@pytest.fixture(scope="session")
def noisy_frames(face_frame: np.ndarray) -> Callable[[int], np.ndarray]:
    """What a camera sees: no two frames are the same."""
    rng = np.random.default_rng(0)
    frames = [
        np.clip(np.roll(face_frame, i, 1) + rng.integers(-3, 4, face_frame.shape), 0, 255)
        for i in range(30)
    ]
    return lambda index: frames[index % 30].astype(np.uint8)


# -- the main job ---------------------------------------------------------------------


def test_a_video_file_to_csv_every_frame_once(fer: Command, clip: Path, tmp_path: Path) -> None:
    done = fer("--source", clip, "--csv", "log.csv", "--csv-interval", 0)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    log = rows(tmp_path / "log.csv")
    assert tuple(log[0]) == COLUMNS
    # A newcomer is written from the second look on.
    assert [int(r["frame"]) for r in log] == list(range(1, 90))
    assert {r["face_id"] for r in log} == {"1"}
    assert {r["emotion"] for r in log} == {"happy"}
    # The clip's own time, not the time it took.
    assert float(log[-1]["elapsed_s"]) == pytest.approx(89 / 30, abs=0.002)
    for row in log:
        assert sum(float(row[f"p_{e}"]) for e in EMOTIONS) == pytest.approx(1, abs=0.001)
        assert 0 < int(row["x"]) < 640 and int(row["h"]) > 40


def test_the_interval_thins_rows_and_appending_keeps_one_header(
    fer: Command, clip: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        assert fer("--source", clip, "--csv", "log.csv", "--csv-interval", 1).returncode == 0
    log = rows(tmp_path / "log.csv")
    assert len(log) == 6
    text = (tmp_path / "log.csv").read_text()
    assert text.count("timestamp") == 1


def test_max_frames_and_duration(fer: Command, clip: Path, tmp_path: Path) -> None:
    fer("--source", clip, "--csv", "a.csv", "--csv-interval", 0, "--max-frames", 7)
    assert len(rows(tmp_path / "a.csv")) == 6
    fer("--source", clip, "--csv", "b.csv", "--csv-interval", 0, "--duration", 1.0)
    assert len(rows(tmp_path / "b.csv")) == 29


def test_a_folder_of_pictures_each_on_its_own(
    fer: Command, face_frame: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), face_frame)
    cv2.imwrite(str(folder / "b.jpg"), np.zeros((200, 200, 3), np.uint8))
    (folder / "c.png").write_bytes(b"no picture")
    cv2.imwrite(str(folder / "d.png"), face_frame)
    (folder / "notes.txt").write_text("not a picture")
    done = fer("--source", folder, "--csv", "log.csv")
    assert done.returncode == 0
    assert "c.png: expected a picture" in done.stderr
    log = rows(tmp_path / "log.csv")
    assert [r["frame"] for r in log] == ["0", "2"]
    assert [r["face_id"] for r in log] == ["1", "2"]
    assert log[0]["p_happy"] == log[1]["p_happy"]


def test_one_picture_prints_its_result(
    fer: Command, face_frame: np.ndarray, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), face_frame)
    done = fer("--source", "face.png", "--lang", "es")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("face 1: alegría ")
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((99, 99, 3), 80, np.uint8))
    assert fer("--source", "wall.png").stdout == "no face found\n"


def test_the_demo_leaves_csv_and_picture(fer: Command, tmp_path: Path) -> None:
    done = fer("--source", "demo", "--duration", 3, "--csv", "out.csv",
               "--demo-picture", "out/demo.png", "--live-line")  # fmt: skip
    assert done.returncode == 0
    assert "90 frames" in done.stderr and "3 rows in out.csv" in done.stderr
    assert cv2.imread(str(tmp_path / "out" / "demo.png")).shape == (480, 640, 3)


def test_rotation_turns_the_picture_back(
    fer: Command, face_frame: np.ndarray, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "side.png"), cv2.rotate(face_frame, cv2.ROTATE_90_CLOCKWISE))
    done = fer("--source", "side.png", "--rotate", 270)
    assert done.stdout.startswith("face 1: happy")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_mjpeg_camera_with_status_and_sigterm(
    fer_process: Callable[..., subprocess.Popen[str]],
    noisy_frames: Callable[[int], np.ndarray],
    tmp_path: Path,
) -> None:
    log = tmp_path / "log.csv"
    with FaultyCamera(noisy_frames) as camera:
        process = fer_process("--source", camera.url, "--csv", "log.csv", "--csv-interval", 0,
                              "--status-file", "status.json")  # fmt: skip
        wait_for(lambda: row_count(log) >= 15, process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["csv_rows"] == len(rows(log))
    assert status["state"] == "stopping" and status["processed"] >= 15
    assert "password" not in json.dumps(status)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("fault", ["drop", "refuse", "stall", "freeze", "black", "garbage"])
def test_after_a_fault_readings_go_on_in_the_same_run(
    fault: str,
    fer_process: Callable[..., subprocess.Popen[str]],
    noisy_frames: Callable[[int], np.ndarray],
    tmp_path: Path,
) -> None:
    log, status = tmp_path / "log.csv", tmp_path / "status.json"
    config = tmp_path / "kiosk.yaml"
    config.write_text("source: {frozen_after_s: 1, lost_after_s: 1}\nstatus: {interval_s: 0.5}\n")

    def state() -> str:
        return str(json.loads(status.read_text())["state"]) if status.exists() else ""

    with FaultyCamera(noisy_frames) as camera:
        process = fer_process("--config", config, "--source", camera.url, "--csv", log,
                              "--csv-interval", 0, "--status-file", status)  # fmt: skip
        wait_for(lambda: row_count(log) >= 5, process)
        camera.mode = fault
        if fault != "garbage":  # damaged JPEGs still decode
            wanted = "covered" if fault == "black" else "retrying"
            wait_for(lambda: state() == wanted, process)
        else:
            sent = camera.sent
            wait_for(lambda: camera.sent > sent + 20, process)
        gap = row_count(log)
        camera.mode = "ok"
        wait_for(lambda: row_count(log) >= gap + 5, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    frames = [int(r["frame"]) for r in rows(log)]
    assert frames == sorted(frames)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_end_cleanly_while_the_source_is_absent(
    name: str, fer_process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = fer_process("--source", "http://127.0.0.1:9/none", "--csv", "log.csv",
                          "--status-file", "status.json")  # fmt: skip
    wait_for(lambda: (tmp_path / "status.json").exists(), process)
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert row_count(tmp_path / "log.csv") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="SIGHUP")
def test_sighup_reloads_and_keeps_the_old_config_if_the_new_one_is_bad(
    fer_process: Callable[..., subprocess.Popen[str]], clip: Path, tmp_path: Path
) -> None:
    config = tmp_path / "kiosk.yaml"
    config.write_text("csv: {interval_s: 1000}\n")
    process = fer_process("--config", config, "--source", clip, "--loop", "--csv", "log.csv",
                          "--realtime")  # fmt: skip
    wait_for((tmp_path / "log.csv").exists, process)
    errors: list[str] = []

    def heard(words: str) -> bool:
        assert process.stderr is not None
        while not any(words in line for line in errors):
            errors.append(process.stderr.readline())
        return True

    heard("running")
    config.write_text("csv: {interval_s: -1}\n")
    process.send_signal(signal.SIGHUP)
    heard("the old configuration stays")
    config.write_text("csv: {interval_s: 0}\n")
    process.send_signal(signal.SIGHUP)
    heard("configuration read again")
    wait_for(lambda: row_count(tmp_path / "log.csv") > 10, process)
    process.send_signal(signal.SIGTERM)


def test_the_library_in_three_lines(tmp_path: Path, face_frame: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "face.jpg"), face_frame)
    code = (
        "import cv2; from fer_runtime import EmotionPipeline\n"
        "for r in EmotionPipeline().analyze(cv2.imread('face.jpg')): print(r.emotion)\n"
        "import sys; assert not {'tensorflow', 'keras', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path,
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout == "happy\n"


def test_the_runtime_never_imports_tensorflow() -> None:
    code = (
        "import sys, pkgutil, importlib, fer_runtime\n"
        "for m in pkgutil.iter_modules(fer_runtime.__path__):\n"
        "    importlib.import_module(f'fer_runtime.{m.name}')\n"
        "assert not {'tensorflow', 'keras', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# -- modes ----------------------------------------------------------------------------


def test_check_says_ok_or_the_remedy(fer: Command, clip: Path) -> None:
    done = fer("--check", "--source", clip, "--csv", "log.csv")
    assert done.returncode == 0, done.stdout
    *lines, last = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines) and last == "all is well"
    bad = fer("--check", "--source", "/dev/video97", "--model", "none.tflite", "--show")
    assert bad.returncode == 78  # the first failure is the model's
    assert "FAIL  model" in bad.stdout and "FAIL  source" in bad.stdout
    assert "FAIL  display" in bad.stdout


def test_benchmark_prints_every_stage(fer: Command) -> None:
    done = fer("--benchmark", 0.7, "--source", "demo")
    assert done.returncode == 0
    for word in ("detect", "crop", "classify", "whole frame, 1 face", "peak memory"):
        assert word in done.stdout


def test_print_config_is_a_config(fer: Command, tmp_path: Path) -> None:
    text = fer("--print-config", "--csv-interval", 2.5, "--source", "demo").stdout
    (tmp_path / "kiosk.yaml").write_text(text)
    assert fer("--config", "kiosk.yaml", "--print-config").stdout == text
    assert "interval_s: 2.5" in text


def test_flags_go_over_the_file(fer: Command, tmp_path: Path) -> None:
    (tmp_path / "k.yaml").write_text("source: {source: demo, realtime: true}\n")
    text = fer("--config", "k.yaml", "--no-realtime", "--print-config").stdout
    assert 'source: "demo"' in text and "realtime: false" in text


def test_status_of_nothing(fer: Command) -> None:
    done = fer("--status", "--status-file", "none.json")
    assert done.returncode == 1 and "not running" in done.stdout


def test_list_cameras_ends(fer: Command) -> None:
    done = fer("--list-cameras")
    assert done.returncode in (0, 69) and "Traceback" not in done.stderr


# -- bad input: one line, the right exit code -----------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--source", "none.mp4"], 69, ["none.mp4: no such file"]),
        (["--source", "empty.mp4"], 65, ["received an empty file"]),
        (["--source", "text.mp4"], 65, ["expected a video"]),
        (["--source", "text.png"], 65, ["expected a picture"]),
        (["--source", ""], 2, ["--source: expected a text that is not empty"]),
        (["--source", "text.mp4", "--realtime"], 65, ["expected a video"]),
        (["--source", "bare"], 65, ["expected pictures"]),
        (["--source", "/dev/video97", "--no-reconnect"], 69, ["/dev/video97: not there"]),
        (
            ["--source", "http://127.0.0.1:9/x", "--no-reconnect"],
            69,
            ["port 9 of its host", "Connection refused"],
        ),
        (["--source", "demo", "--model", "cut.tflite"], 78, ["cut.tflite"]),
        (["--source", "demo", "--model", "text.tflite"], 78, ["expected a TensorFlow Lite file"]),
        (["--source", "demo", "--model", "five.tflite"], 78, ["received a, b, c, d, e"]),
        (["--source", "demo", "--model", "resnet"], 78, ["no such file", "fer2013, ferplus"]),
        (["--source", "demo", "--csv", "none/log.csv"], 74, ["none"]),
        (["--source", "demo", "--csv", "text.mp4"], 65, ["text.mp4"]),
        (["--source", "demo", "--show"], 69, ["DISPLAY is not set"]),
        (["--source", "demo", "--config", "none.yaml"], 78, ["none.yaml: no such file"]),
        (["--source", "demo", "--config", "bad.yaml"], 78, ["line 2", "did you mean csv?"]),
        (["--source", "demo", "--detector", "resnet-ssd"], 78, ["ssd_weights"]),
        (["--flag"], 2, ["--flag", "--help"]),
        (["--threads", "99"], 2, ["--threads: expected a whole number from 1 to 16"]),
        (["--threads", "two"], 2, ["--threads"]),
        (["--lang", "fr"], 2, ["--lang"]),
        (["--source", "text.png", "--demo-picture", "x.png"], 2, ["--source demo"]),
        (["--benchmark", "-1"], 2, ["--benchmark: expected seconds above 0"]),
        (["--benchmark", "nan"], 2, ["--benchmark: expected seconds above 0"]),
        (["--benchmark", "inf"], 2, ["--benchmark: expected seconds above 0"]),
    ],
)
def test_bad_input(
    fer: Command, tmp_path: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    (tmp_path / "empty.mp4").touch()
    for name in ("text.mp4", "text.png", "text.tflite"):
        (tmp_path / name).write_text("this is a text and nothing else\n" * 3)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bad.yaml").write_text("# kiosk\ncvs:\n  path: x\n")
    flatbuffer, metadata = read_model(model_path("fer2013"))
    assert metadata is not None
    (tmp_path / "cut.tflite").write_bytes(model_path("fer2013").read_bytes()[:300_000])
    object.__setattr__(metadata, "classes", ("a", "b", "c", "d", "e"))
    write_model(tmp_path / "five.tflite", flatbuffer, metadata)
    assert_one_line(fer(*arguments), code, *words)


def test_no_detector_no_run(fer: Command, tmp_path: Path) -> None:
    done = fer("--source", "demo", FER_EDGE_ASSETS=str(tmp_path / "nothing"))
    assert_one_line(done, 78, "missing", "fer-runtime --fetch-assets")


def test_fetch_detector_leaves_the_portrait(fer: Command, assets: Path, tmp_path: Path) -> None:
    (tmp_path / "face_detection_yunet_2023mar.onnx").symlink_to(
        assets / "face_detection_yunet_2023mar.onnx"
    )
    done = fer("--fetch-detector", FER_EDGE_ASSETS=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1 and "already at" in done.stdout
    assert len(list(tmp_path.iterdir())) == 1


def test_damaged_detector_weights(fer: Command, tmp_path: Path) -> None:
    (tmp_path / "face_detection_yunet_2023mar.onnx").write_bytes(b"damaged")
    done = fer("--source", "demo", FER_EDGE_ASSETS=str(tmp_path))
    assert_one_line(done, 78, "expected sha256", "--fetch-assets")


def test_a_folder_that_cannot_be_written(fer: Command, tmp_path: Path) -> None:
    done = fer("--source", "demo", "--csv", "/proc/log.csv")
    assert_one_line(done, 74, "/proc")


@pytest.mark.parametrize("flags", [["--check"], ["--source", "demo"], ["--benchmark", "1"]])
def test_a_library_that_opencv_lacks_is_named_with_its_package(
    tmp_path: Path, fer: Command, flags: list[str]
) -> None:
    (tmp_path / "cv2").mkdir()
    words = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "cv2/__init__.py").write_text(f"raise ImportError({words!r})\n")
    done = fer(*flags, PYTHONPATH=str(tmp_path))
    assert_one_line(done, 78, "libGL.so.1 is missing", "apt-get install libgl1 libglib2.0-0")


# -- surroundings ---------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize("arguments", [["--source", "face.png"], ["--print-config"]])
def test_a_reader_that_has_gone_is_no_failure(
    arguments: list[str], face_frame: np.ndarray, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), face_frame)
    reading, writing = os.pipe()
    os.close(reading)  # as `| true` leaves it
    done = subprocess.run(
        [sys.executable, "-m", "fer_runtime.command.cli", *arguments], cwd=tmp_path, text=True,
        stdout=writing, stderr=subprocess.PIPE, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--print-config"], 74), (["--source", "face.png"], 74), (["--source", "none.png"], 69)],
)
def test_output_on_a_full_disk_is_a_line_and_a_code(
    arguments: list[str], code: int, face_frame: np.ndarray, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), face_frame)
    command = [sys.executable, "-m", "fer_runtime.command.cli", *arguments]
    # Unbuffered, nothing would be left for the end of the interpreter to fail on.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, cwd=tmp_path, env=env, text=True, stdout=full, stderr=subprocess.PIPE,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        assert_one_line(done, code, "standard output" if code == 74 else "none.png")
        # Where not even that can be said, the code is the same: systemd decides by it.
        mute = subprocess.run(
            command, cwd=tmp_path, env=env, stdout=full, stderr=full, timeout=TIMEOUT_S, check=False
        )
    assert mute.returncode == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full")
def test_a_live_line_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "wb", 0) as full:
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(full, write_through=True))
        line = LiveLine()
        for text in ("frame 1", "frame 2", "frame 3"):
            line(text)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams_cost_no_rows(closed: str, tmp_path: Path) -> None:
    flags = "--source demo --max-frames 5 --csv log.csv --csv-interval 0"
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m fer_runtime.command.cli {flags} {closed}', sys.executable],
        cwd=tmp_path, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert row_count(tmp_path / "log.csv") > 0


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes")
@pytest.mark.parametrize("name", [b"face\xff.png", b"clip\xff.avi"])
def test_a_name_that_is_not_utf8_with_status_and_log(
    name: bytes, fer: Command, face_frame: np.ndarray, clip: Path, tmp_path: Path
) -> None:
    picture = cv2.imencode(".png", face_frame)[1].tobytes()
    blob = picture if name.endswith(b"png") else clip.read_bytes()
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    Path(path).write_bytes(blob)
    done = fer("--source", path, "--status-file", "status.json", "--csv", "log.csv")
    if name.startswith(b"clip"):
        assert_one_line(done, 65, "file name in UTF-8", "rename")
        return
    assert done.returncode == 0, done.stderr
    assert "�" in json.loads((tmp_path / "status.json").read_text())["source"]
    assert row_count(tmp_path / "log.csv") >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes")
def test_addresses_and_models_whose_names_are_not_utf8(
    fer: Command, face_frame: np.ndarray, tmp_path: Path
) -> None:
    for address in (b"rtsp://127.0.0.1:9/\xff", b"/dev/\xff"):
        assert_one_line(fer("--source", os.fsdecode(address)), 2, "--source: expected a text")
    cv2.imwrite(str(tmp_path / "face.png"), face_frame)
    flatbuffer, metadata = read_model(model_path("fer2013"))
    assert metadata is not None
    write_model(tmp_path / "m.tflite", flatbuffer, replace(metadata, name=""))
    model = os.fsdecode(b"m\xff.tflite")
    os.rename(tmp_path / "m.tflite", tmp_path / model)
    done = fer("--source", "face.png", "--model", model, "--status-file", "status.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "status.json").read_text())["model"] == "m?"


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("libGL.so.1", ["libGL.so.1 is missing", "apt-get install libgl1 libglib2.0-0"]),
        ("libfoo.so.7", ["libfoo.so.7 is missing", "the package of your system"]),
    ],
)
def test_a_missing_system_library_is_named(
    library: str, words: list[str], fer: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "cv2.py").write_text(
        f"raise ImportError('{library}: cannot open shared object file: No such file')\n"
    )
    assert_one_line(fer("--source", "demo", PYTHONPATH=str(folder)), 78, *words)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files", "/dev/null"), "too many open files; raise"),
        (ImportError("libx.so: failed to map segment from shared object"), "too little memory"),
        (MemoryError(), "too little memory"),
    ],
)
def test_what_the_system_has_too_little_of_is_named(
    error: Exception, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command
    def command() -> None:
        raise error

    codes: list[int] = []
    run_command(command, "fer-runtime", [], leave=codes.append)
    said = capsys.readouterr().err
    assert said.startswith(f"fer-runtime: {words}") and "internal" not in said
    assert codes == [1]  # systemd starts again: it may pass


# -- what --check finds before the run does -------------------------------------------


def test_a_home_in_the_config_is_one_everywhere(fer: Command, clip: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    (home / "clip.avi").write_bytes(clip.read_bytes())
    (tmp_path / "kiosk.yaml").write_text(
        "source: {source: '~/clip.avi'}\ncsv: {path: '~/logs/log.csv'}\n"
        "status: {path: '~/logs/status.json'}\n"
    )
    arguments = ("--config", "kiosk.yaml")
    checked = fer(*arguments, "--check", HOME=str(home), USERPROFILE=str(home),
                  FER_EDGE_ASSETS=str(asset_folder()))  # fmt: skip
    assert checked.returncode == 0, checked.stdout
    assert not (home / "logs" / "log.csv").exists()
    done = fer(*arguments, HOME=str(home), USERPROFILE=str(home),
               FER_EDGE_ASSETS=str(asset_folder()))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert row_count(home / "logs" / "log.csv") == 3
    status = fer(*arguments, "--status", HOME=str(home), USERPROFILE=str(home))
    assert "it ended" in status.stdout


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        ("csv: {path: folder}", 74, ["csv", "received a folder"]),
        ("csv: {path: foreign.csv}", 65, ["csv", "expected a log"]),
        ("csv: {path: none/log.csv}", 74, ["csv", "mkdir -p"]),
        ("status: {path: none/status.json}", 74, ["status", "mkdir -p"]),
        ("status: {path: folder}", 74, ["status", "received a folder"]),
        ("mqtt: {host: broker.example}", 78, ["mqtt", "pip install 'fer-edge[mqtt]'"]),
        ("mqtt: {host: h, device: 'a/b'}", 78, ["mqtt.device"]),
        ("csv: {path: a.csv, visits: ./a.csv}", 78, ["csv", "expected distinct files"]),
        ("{csv: {path: log.csv}, status: {path: ./log.csv}}", 78, ["csv", "status.path: expected"]),
        (f"csv: {{path: {'x' * 240}.csv}}", 78, ["csv", "at most 229 bytes"]),
        ("csv: {path: loop.csv}", 74, ["csv", "leads in a circle"]),
        ("lsl: {stream: kiosk}", 78, ["lsl", "pip install 'fer-edge[lsl]'"]),
    ],
)
def test_check_fails_where_the_run_fails(
    config: str, code: int, words: list[str], fer: Command, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "foreign.csv").write_text("a,b,c\n1,2,3\n")
    if sys.platform != "win32":
        (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "kiosk.yaml").write_text(config + "\n")
    hidden = tmp_path / "hidden"
    for package in ("paho", "pylsl"):
        (hidden / package).mkdir(parents=True)
        (hidden / package / "__init__.py").write_text("raise ImportError('not installed')\n")
    arguments = ("--config", "kiosk.yaml", "--source", clip)
    env = {"PYTHONPATH": str(hidden)}
    checked = fer(*arguments, "--check", **env)
    assert checked.returncode == code, checked.stdout
    failed = [line for line in checked.stdout.splitlines() if line.startswith("FAIL")]
    assert len(failed) == (2 if "visits" in config else 1)  # both files of one name are at fault
    for word in words:
        assert word in failed[0]
    if words != ["status", "received a folder"]:  # with that one the run goes on and warns
        assert fer(*arguments, **env).returncode == code
    assert (tmp_path / "foreign.csv").read_text() == "a,b,c\n1,2,3\n"
