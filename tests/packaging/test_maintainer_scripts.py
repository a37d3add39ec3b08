"""What the package's scripts do to a machine's folders, here to those of a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a shell script for Linux")


def purge(machine: Path) -> str:
    """Run ``postrm purge`` with `machine` as the root of every path; return what it says."""
    script = (ROOT / "packaging/debian/postrm").read_text("utf-8")
    script = re.sub(r"(?<=[ =])/(etc|opt|srv|var|run)/", rf"{machine}/\1/", script)
    tools = machine / "tools"
    tools.mkdir()
    for name in ("systemctl", "deb-systemd-helper", "groupdel", "getent"):
        (tools / name).write_text("#!/bin/sh\nexit 2\n")
        (tools / name).chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", script, "postrm", "purge"], capture_output=True, text=True, check=True,
        env={"PATH": f"{tools}:{os.environ['PATH']}"}, timeout=60,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for name in ("etc/fer-edge/kiosk.yaml", "etc/fer-edge/cameras/left.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("source:\n")
    (tmp_path / "etc/systemd/system/fer-runtime.service.d").mkdir(parents=True)
    return tmp_path


def test_a_purge_takes_the_settings_and_what_the_compiler_left(machine: Path) -> None:
    (machine / "opt/fer-edge/lib").mkdir(parents=True)
    assert purge(machine) == ""
    assert not (machine / "etc/fer-edge").exists() and not (machine / "opt/fer-edge").exists()
    assert not (machine / "etc/systemd/system/fer-runtime.service.d").exists()


def test_a_purge_after_a_removal_spares_what_a_checkout_has_installed(machine: Path) -> None:
    unit = machine / "etc/systemd/system/fer-runtime.service"
    environment = machine / "opt/fer-edge/pyvenv.cfg"
    environment.parent.mkdir(parents=True)
    for path in (unit, environment):
        path.write_text("")
    assert "installed from a checkout meanwhile" in purge(machine)
    assert unit.exists() and environment.exists()
    assert (machine / "etc/fer-edge/kiosk.yaml").exists()
