"""The house's rules: who imports whom, how long a file is, how many doors the runtime has."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "runtime/fer_runtime",
    "runtime/fer_report",
    "runtime/fer_archive",
    "training/fer_training",
    "converter/fer_converter",
)
MOST_LINES = 300
MOST_ENTRIES = 19


def lint(root: Path) -> tuple[int, str]:
    """Check the contracts of ``setup.cfg`` in `root` on the packages in `root`."""
    folders = dict.fromkeys(str(root / package.split("/")[0]) for package in PACKAGES)
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()",
         "--no-logo", "--no-cache"],
        cwd=root, env=os.environ | {"PYTHONPATH": os.pathsep.join(folders), "COLUMNS": "200"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the packages and of their contracts."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "setup.cfg", root)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    return root


def test_contracts_hold(copy: Path) -> None:
    code, said = lint(copy)
    assert code == 0, said


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("runtime/fer_runtime/frames/feed.py", "from ..faces import tracker", "Runtime: arrows"),
        ("runtime/fer_runtime/screen/text.py", "from ..wiring import processor", "Runtime: arrows"),
        ("runtime/fer_runtime/out/rates.py", "from ..model import crop", "Runtime: only faces"),
        ("runtime/fer_runtime/study/study.py", "from ..out import status", "Runtime: a study"),
        ("runtime/fer_runtime/out/csv/log.py", "from ..mqtt import client", "no sink"),
        ("runtime/fer_runtime/labels.py", "def f(): import keras", "Runtime and report"),
        ("runtime/fer_runtime/new_room.py", "", "Runtime: arrows"),
        ("runtime/fer_report/cli.py", "from fer_runtime.faces import tracker", "Report: the"),
        ("training/fer_training/data/splits.py", "from ..judge import metrics", "Trainer: cli"),
        ("converter/fer_converter/job.py", "from fer_training.fit import recipe", "Converter:"),
        ("training/fer_training/nets/heads.py", "from . import blocks", "No circles"),
    ],
)  # fmt: skip
def test_forbidden_arrow(copy: Path, file: str, line: str, contract: str) -> None:
    path = copy / file
    kept = path.read_text("utf-8") if path.exists() else None
    try:
        path.write_text(f"{kept or ''}\n{line}\n", "utf-8")
        code, said = lint(copy)
    finally:
        if kept is None:
            path.unlink()
        else:
            path.write_text(kept, "utf-8")
    broken = [row for row in said.splitlines() if "BROKEN" in row]
    assert code == 1, said
    assert any(row.startswith(contract) or contract in row for row in broken), said


def ours() -> list[str]:
    """Return the Python files that git knows, outside tests."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True,
                            check=False)  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split() if not name.startswith("tests/")]


def test_no_file_is_long() -> None:
    def lines(name: str) -> int:
        return (ROOT / name).read_text("utf-8").count("\n") if (ROOT / name).exists() else 0

    long = {name: count for name in ours() if (count := lines(name)) > MOST_LINES}
    assert not long, f"more than {MOST_LINES} lines, give each noun a file: {long}"


def test_the_runtime_is_seen_in_one_look() -> None:
    entries = {p.name for p in (ROOT / "runtime/fer_runtime").iterdir()} - {"__pycache__"}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_every_room_is_in_the_wheel() -> None:
    """The list in ``setup.cfg`` is written by hand; a new folder is easily left out."""
    listed = configparser.ConfigParser()
    listed.read(ROOT / "setup.cfg", "utf-8")
    shipped = set(listed["options"]["packages"].split())
    for package in PACKAGES:
        top = (ROOT / package).parent
        files = (ROOT / package).rglob("*.py")
        found = {".".join(p.parent.relative_to(top).parts) for p in files}
        assert found <= shipped, found - shipped
