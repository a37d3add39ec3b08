"""Damaged and hostile model files never bring a command down.

``fer-convert --inspect`` gets 260 of them, the runtime 233.

Each list runs in one process of its own. That process must end by itself with status 0 after
the last file: a crash, a hang or a traceback at any file fails the test.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from damage import damaged

from conftest import ROOT
from fer_runtime.labels import EMOTIONS
from fer_runtime.model.interpreter import installed_interpreters
from fer_runtime.model.metadata import METADATA_NAME, ModelMetadata, pack_model, read_model

INSPECT = """
import contextlib, io, json, sys
from fer_converter.cli import command
from fer_runtime.command.console import run_command
for path in json.load(sys.stdin):
    out, err, codes = io.StringIO(), io.StringIO(), []
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        run_command(command, "fer-convert", ["--inspect", path], codes.append)
    print(json.dumps([codes[0], out.getvalue(), err.getvalue()]), flush=True)
"""

CLASSIFY = """
import json, sys
import numpy as np
from fer_runtime.model.classifier import Classifier
from fer_runtime.errors import ModelError
from fer_runtime.labels import EMOTIONS
paths, interpreters = json.load(sys.stdin)
for i, path in enumerate(paths):
    try:
        # Every file on one interpreter: all of them take turns.
        model = Classifier(path, interpreter=interpreters[i % len(interpreters)], labels=EMOTIONS)
        crops = np.random.default_rng(0).integers(0, 256, (3, *model.crop_shape), np.uint8)
        out = model.probabilities(crops)
        said = "" if out.shape == (3, 7) else f"shape {out.shape}"
        print(json.dumps([0, said, ""]), flush=True)
    except ModelError as error:
        print(json.dumps([error.exit_code, "", str(error)]), flush=True)
"""


def run_all(script: str, job: object) -> list[tuple[int, str, str]]:
    """Run a script on a list of files; one answer a line."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=250,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"ended at file {len(lines)}: {done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr
    return [tuple(json.loads(line)) for line in lines]


def check(answers: list[tuple[int, str, str]], count: int) -> None:
    assert len(answers) == count
    for code, _out, error in answers:
        assert code in (0, 78), (code, error)
        assert len(error.strip().splitlines()) == (1 if code and error else 0), error
        assert "internal error" not in error
    # The damage is real: most files are refused.
    assert sum(code == 78 for code, _, _ in answers) > count // 2


@pytest.fixture(scope="module")
def flatbuffers(networks: Path) -> list[bytes]:
    """A small network as float, dynamic and int8 flatbuffers."""
    script = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from fer_converter.job import Job\n"
        "from fer_converter.source import load_source\n"
        "from fer_converter.variants import build_variant\n"
        "source = load_source(Job(sys.argv[1], ()))\n"
        "noise = np.random.default_rng(0).uniform(0, 255, (20, 48, 48, 1)).astype('f4')\n"
        "for name in ('none', 'dynamic', 'int8'):\n"
        "    blob = build_variant(source.make_converter, name, noise, 'tiny')\n"
        "    Path(sys.argv[2], name + '.fb').write_bytes(blob)\n"
    )
    command = [sys.executable, "-c", script, str(networks / "tiny.keras"), str(networks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [(networks / f"{name}.fb").read_bytes() for name in ("none", "dynamic", "int8")]


@pytest.fixture(scope="module")
def bad_models(flatbuffers: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """120 damaged .tflite files, half of them with intact metadata behind."""
    folder = tmp_path_factory.mktemp("bad-models")
    metadata = ModelMetadata(output="logits")
    paths = []
    for number, flatbuffer in enumerate(flatbuffers):
        for i, blob in enumerate(damaged(flatbuffer, 40, seed=number, begin=8)):
            path = folder / f"{number}-{i}.tflite"
            path.write_bytes(pack_model(blob, metadata) if i % 2 else blob)
            paths.append(str(path))
    return paths


def test_inspect_of_damaged_models(bad_models: list[str]) -> None:
    # Every third, whole kinds of damage in turn; each is tried on all interpreters.
    check(run_all(INSPECT, bad_models[::3]), 40)


def test_runtime_on_damaged_models(bad_models: list[str]) -> None:
    answers = run_all(CLASSIFY, [bad_models, installed_interpreters()])
    check(answers, 120)
    assert not any(out for code, out, _ in answers)


def test_damaged_metadata(flatbuffers: list[bytes], tmp_path: Path) -> None:
    whole = pack_model(flatbuffers[0], ModelMetadata(output="logits"))
    paths = []
    for i, blob in enumerate(damaged(whole, 60, seed=9, begin=len(flatbuffers[0]))):
        path = tmp_path / f"{i}.tflite"
        path.write_bytes(blob)
        paths.append(str(path))
    answers = run_all(CLASSIFY, [paths, installed_interpreters()])
    assert len(answers) == 60
    assert {code for code, _, _ in answers} <= {0, 78}
    assert len(run_all(INSPECT, paths)) == 60


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("classes", ["happy"] * 7),
        ("classes", 7),
        ("height", 0),
        ("height", 4096),
        ("height", "48"),
        ("color", "infrared"),
        ("multiply", 0.0),
        ("temperature", 0.0),
        ("temperature", -1.0),
        ("output", "feelings"),
        ("format_version", 99),
        ("crop_scale", 1e9),
    ],
)
def test_edited_metadata_is_one_line(
    key: str, value: object, flatbuffers: list[bytes], tmp_path: Path
) -> None:
    import zipfile

    path = tmp_path / "edited.tflite"
    path.write_bytes(flatbuffers[0])
    raw = {"classes": list(EMOTIONS), "output": "logits", key: value}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(METADATA_NAME, json.dumps(raw))
    [answer] = run_all(CLASSIFY, [[str(path)], ["auto"]])
    assert answer[0] == 78
    assert ("input" if key in ("height", "width") and value != "48" else key) in answer[2]


def test_inspect_of_damaged_keras_files(networks: Path, tmp_path: Path) -> None:
    paths = []
    for name in ("tiny.h5", "keras2.h5", "tiny.keras"):
        blob = (networks / name).read_bytes()
        # The first kilobytes hold HDF5's structure and the description; the rest is weights.
        for i, bad in enumerate(damaged(blob[:12_000] + blob[12_000:], 40, seed=5, begin=8)):
            path = tmp_path / f"{i}-{name}"
            path.write_bytes(bad)
            paths.append(str(path))
    answers = run_all(INSPECT, paths)
    assert len(answers) == 120
    for code, _out, error in answers:
        assert code in (0, 78), (code, error)
        assert "internal error" not in error
    assert sum(code == 78 for code, _, _ in answers) > 20


def test_random_bytes(tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(3)
    heads = (b"", b"\x00\x00\x00\x00TFL3", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04")
    paths = []
    for i in range(40):
        path = tmp_path / f"{i}.tflite"
        path.write_bytes(heads[i % 4] + rng.bytes(int(rng.integers(0, 5000))))
        paths.append(str(path))
    for script, job in ((INSPECT, paths), (CLASSIFY, [paths, ["auto"]])):
        answers = run_all(script, job)
        assert [code for code, _, _ in answers] == [78] * 40


def test_models_survive_a_second_packing(flatbuffers: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "again.tflite"
    path.write_bytes(pack_model(flatbuffers[2], ModelMetadata(output="logits", name="first")))
    inner = read_model(path)[0]
    path.write_bytes(pack_model(inner, ModelMetadata(output="logits", name="second")))
    again, metadata = read_model(path)
    assert again == flatbuffers[2]
    assert metadata is not None and metadata.name == "second"
