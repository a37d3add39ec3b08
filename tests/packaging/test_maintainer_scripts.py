"""What the package's scripts do to a machine's folders, here to those of a test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a shell script for Linux")


def run(machine: Path, name: str, *arguments: str) -> tuple[str, list[str]]:
    """Run a script with `machine` as the root of every path; return what it says and starts."""
    script = (ROOT / "packaging/debian" / name).read_text("utf-8")
    script = re.sub(r"(?<=[ =])/(etc|opt|srv|var|run)/", rf"{machine}/\1/", script)
    tools, calls = machine / "tools", machine / "calls"
    tools.mkdir()
    calls.write_text("")
    for tool in ("systemctl", "deb-systemd-helper", "groupadd", "groupdel", "getent", "udevadm"):
        (tools / tool).write_text(f"#!/bin/sh\nexit {2 * (tool == 'getent')}\n")
    (tools / "deb-systemd-invoke").write_text(f'#!/bin/sh\necho "$*" >>{calls}\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", script, name, *arguments], capture_output=True, text=True, check=True,
        env={"PATH": f"{tools}:{os.environ['PATH']}"}, timeout=60,
    )  # fmt: skip
    return done.stdout, calls.read_text().splitlines()


def purge(machine: Path) -> str:
    return run(machine, "postrm", "purge")[0]


def enable(machine: Path, *units: str) -> list[Path]:
    wants = machine / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    for unit in units:  # a link that leads nowhere, as the package's files have gone
        (wants / unit).symlink_to(f"/lib/systemd/system/{unit}")
    return [wants / unit for unit in units]


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


def test_cameras_of_their_own_start_again_after_a_removal_and_go_with_a_purge(
    machine: Path,
) -> None:
    links = enable(machine, "fer-runtime@left.service", "srv-fercameras.mount")
    (machine / "run/systemd/system").mkdir(parents=True)
    _, started = run(machine, "postinst", "configure", "0.1.0")
    assert {"start fer-runtime@left.service", "start srv-fercameras.mount"} <= set(started)
    shutil.rmtree(machine / "tools")
    purge(machine)
    assert not any(link.is_symlink() for link in links)


def test_a_purge_after_a_removal_spares_what_a_checkout_has_installed(machine: Path) -> None:
    unit = machine / "etc/systemd/system/fer-runtime.service"
    environment = machine / "opt/fer-edge/pyvenv.cfg"
    environment.parent.mkdir(parents=True)
    for path in (unit, environment):
        path.write_text("")
    assert "installed from a checkout meanwhile" in purge(machine)
    assert unit.exists() and environment.exists()
    assert (machine / "etc/fer-edge/kiosk.yaml").exists()
