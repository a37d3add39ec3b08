"""Bad input: one line that says what to do, an exit code, and nothing lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from trainer_runs import EMOTIONS, environment, fails, good, run, write_toy


def fit(data: Path, folder: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return run("fer-train", "fit", data, "-r", "smoke", "-o", folder, *more)


def test_help_is_quick_and_loads_no_framework() -> None:
    code = (
        "import sys\nfrom fer_training.cli import train_command\n"
        "try:\n    train_command(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "fer-train fit data/fer2013" in done.stdout


def test_unusable_folders(tmp_path: Path) -> None:
    line = fails(fit(tmp_path / "none", tmp_path / "run"), 65, "found nothing", "train/<class>/")
    assert line.startswith("fer-train: data ")
    data = write_toy(tmp_path / "data", 2, 1)
    for path in (data / "train" / "fear").iterdir():
        path.unlink()
    fails(fit(data, tmp_path / "run"), 65, "found none of fear", "add pictures")
    for name in EMOTIONS[1:]:
        shutil.rmtree(data / "train" / name)
    fails(fit(data, tmp_path / "run"), 65, "(only angry)")
    shutil.rmtree(data / "train" / "angry")
    fails(fit(data, tmp_path / "run"), 65, "expected pictures in class folders, found none")


def test_corrupt_picture(tiny: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny, data)
    bad = data / "train" / "sad" / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff not a picture")
    fails(fit(data, tmp_path / "run"), 65, "bad.jpg", "1 such picture in train", "--skip-bad")
    assert bad.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["network=egde24"], ("egde24", "did you mean edge24?")),
        (["learning_rat=1"], ("unknown key 'learning_rat'", "did you mean learning_rate?")),
        (["augment.flop=1"], ("augment.flop", "did you mean augment.flip?")),
        (["epochs=0"], ("epochs", "a whole number 1 to", "received 0")),
        (["learning_rate=fast"], ("learning_rate", "received")),
        (["optimizer=lion"], ("sgd or adam", "'lion'")),
        (["heads=[fer2014]"], ("heads", "fer2014")),
        (["distil=0.5"], ("no teacher", "soft_labels")),
        (["heads=ferplus"], ("FER+ votes", "--votes")),
    ],
)
def test_bad_recipes(
    tiny: Path, tmp_path: Path, changes: list[str], words: tuple[str, ...]
) -> None:
    more = [part for change in changes for part in ("--set", change)]
    fails(fit(tiny, tmp_path / "run", *more), 78, *words)


def test_bad_recipe_files_and_flags(tiny: Path, tmp_path: Path) -> None:
    fails(run("fer-train", "fit", tiny, "-r", "smok", "-o", tmp_path / "r"), 78, "mean smoke?")
    broken = tmp_path / "broken.yaml"
    broken.write_text("epochs: [1\n")
    fails(run("fer-train", "fit", tiny, "-r", broken, "-o", tmp_path / "r"), 78, "expected YAML")
    broken.write_text("- 1\n")
    fails(run("fer-train", "fit", tiny, "-r", broken, "-o", tmp_path / "r"), 78, "expected keys")
    fails(fit(tiny, tmp_path / "r", "--set", "epochs"), 2, "KEY=VALUE")
    fails(fit(tiny, tmp_path / "r", "--resume"), 2, "found no run.yaml", "without --resume")
    fails(run("fer-train", "sweep", tiny, "--rates", "0,x"), 2, "--rates")
    (tmp_path / "file").write_text("")
    fails(fit(tiny, tmp_path / "file" / "run"), 74, "cannot be written")
    soft = tmp_path / "soft.npz"
    np.savez(soft, files=np.array(["train/other.png"]), fer2013=np.ones((1, 7)) / 7,
             ferplus=np.ones((1, 8)) / 8)  # fmt: skip
    fails(fit(tiny, tmp_path / "soft-run", "--soft-labels", soft), 65, "expected a row for")


def test_resume_with_other_pictures(tiny: Path, toy: Path, toy_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(toy_run, folder)
    same = ["--set", "validation=folder", "--set", "epochs=6", "--resume"]
    fails(fit(tiny, folder, *same), 65, "not those with which the run was begun")
    (folder / "checkpoint.npz").write_bytes(b"PK\x03\x04 cut off")
    fails(fit(toy, folder, *same), 65, "the checkpoint is damaged")
    (folder / "run.yaml").write_text("recipe: [")
    fails(fit(toy, folder, *same), 78, "it is damaged")


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX facility")
def test_full_disk_loses_nothing(toy: Path, toy_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(toy_run, folder)
    (folder / "model.keras").unlink()
    before = (folder / "checkpoint.npz").read_bytes()
    # No file may grow beyond 0.1 MB: what a full disk does, without filling one.
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)); "
        "from fer_training.cli import train_main; sys.argv[0] = 'fer-train'; train_main()"
    )
    options = ["fit", toy, "-r", "smoke", "-o", folder, "--resume",
               "--set", "validation=folder", "--set", "epochs=6"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, *map(str, options)], env=environment(),
                          capture_output=True, text=True, timeout=280, check=False)  # fmt: skip
    fails(done, 74, "model.keras: cannot be written")
    assert (folder / "checkpoint.npz").read_bytes() == before
    assert not (folder / "model.keras").exists()
    good(fit(toy, folder, *options[6:]))
    assert (folder / "model.keras").exists()


def test_unusable_models(tiny: Path, tmp_path: Path) -> None:
    fails(run("fer-evaluate", tmp_path / "none.keras", tiny), 78, "found nothing")
    (tmp_path / "junk.keras").write_bytes(b"PK\x03\x04junk")
    (tmp_path / "junk.h5").write_bytes(b"\x89HDF\r\n\x1a\nrubbish")
    (tmp_path / "junk.tflite").write_bytes(b"junk" * 10)
    for name, why in (("junk.keras", "no zip archive"), ("junk.h5", "cannot load it")):
        fails(run("fer-evaluate", tmp_path / name, tiny), 78, name, "cannot load it", why)
    fails(run("fer-evaluate", tmp_path / "junk.tflite", tiny), 78, "TensorFlow Lite file")
    fails(run("fer-evaluate", "fer2013", tmp_path / "none"), 65, "found nothing")
    fails(run("fer-evaluate", "fer2013", tiny, "--truth", "ferplus"), 2, "--votes")
    fails(run("fer-evaluate", "fer2013", tiny, "--labels", "a,b"), 2, "missing")
    weights = tmp_path / "w.npz"
    np.savez(weights, other=np.zeros(3))
    out = tmp_path / "x.keras"
    fails(run("fer-train", "import-npz", weights, "-o", out), 78, "f.0.weight")
    fails(run("fer-train", "import-npz", tmp_path / "no.npz", "-o", out), 78, "no such file")
    weights.write_bytes(b"")  # whose end of file was taken for Ctrl-C
    fails(run("fer-train", "import-npz", weights, "-o", out), 78, "expected an .npz archive")
