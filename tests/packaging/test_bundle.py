"""A broken or foreign bundle is one line; a good one hands over to the installer."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a shell script for Linux")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Only what the first script looks at; the installer says how it was called."""
    top = tmp_path / "USB stick ñ/bundle"
    (top / "wheels").mkdir(parents=True)
    (top / "systemd").mkdir()
    (top / "wheels/fer_edge-1-py3-none-any.whl").write_text("wheel")
    installer = top / "systemd/install.sh"
    installer.write_text('#!/bin/sh\necho "$PIP_NO_INDEX $PIP_RETRIES $PIP_FIND_LINKS $*"\n')
    installer.chmod(0o755)
    (top / "TAG").write_text(f"{platform.machine()}-py3.{sys.version_info[1]}\n")
    shutil.copy(ROOT / "packaging/bundle_install.sh", top / "install.sh")
    sums = "find . -type f ! -name SHA256SUMS -print0 | xargs -0 sha256sum >SHA256SUMS"
    subprocess.run(["sh", "-c", sums], cwd=top, check=True)
    return top


def install(bundle: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [bundle / "install.sh", "--network"], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable}, timeout=60,
    )  # fmt: skip


def test_a_good_one_asks_no_index(bundle: Path) -> None:
    done = install(bundle)
    assert done.returncode == 0, done.stderr
    wheel = f"--wheel {bundle}/wheels/fer_edge-1-py3-none-any.whl --network"
    # pip takes several places in this variable, with spaces between.
    assert done.stdout == f"1 0 {(bundle / 'wheels').as_uri()} {wheel}\n"
    assert " " not in (bundle / "wheels").as_uri()


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("TAG", "mips64-py3.2\n", "this bundle is for mips64-py3.2, this machine is"),
        ("TAG", None, "not whole"),
        ("wheels/fer_edge-1-py3-none-any.whl", "cut", "damaged (./wheels/fer_edge-1"),
        ("wheels/fer_edge-1-py3-none-any.whl", None, "damaged (./wheels/fer_edge-1"),
        ("SHA256SUMS", None, "damaged (no SHA256SUMS)"),
    ],
)
def test_a_bad_one_is_one_line(bundle: Path, file: str, text: str | None, words: str) -> None:
    if text is None:
        (bundle / file).unlink()
    else:
        (bundle / file).write_text(text)
    done = install(bundle)
    assert done.returncode == 1 and done.stdout == ""
    assert words in done.stderr and len(done.stderr.splitlines()) == 1
