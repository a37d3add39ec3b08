"""The installer and uninstaller, as far as they change nothing or only a folder of the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "systemd"
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("systemctl") is None, reason="needs systemd's tools"
)


def script(name: str, *arguments: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
    # The base interpreter: that of a virtual environment cannot be built upon.
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    return subprocess.run(
        [str(SCRIPTS / name), *arguments],
        env=clean | {"PYTHON": python} | env,
        capture_output=True, text=True, timeout=60, check=False, cwd=home,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["install.sh", "uninstall.sh"])
def test_the_scripts_are_good_posix_shell(name: str, tmp_path: Path) -> None:
    subprocess.run(["sh", "-n", SCRIPTS / name], check=True)
    assert os.access(SCRIPTS / name, os.X_OK)
    done = script(name, "--help", home=tmp_path)
    assert done.returncode == 0 and f"systemd/{name}" in done.stdout


@pytest.mark.parametrize("mode", [[], ["--user"]])
def test_a_dry_run_names_every_step_and_changes_nothing(tmp_path: Path, mode: list[str]) -> None:
    done = script("install.sh", *mode, "--dry-run", "--network", home=tmp_path)
    assert done.returncode == 0, done.stderr
    unit = "fer-runtime-show.service" if mode else "fer-runtime.service"
    for step in (
        "-m venv",
        "pip install",
        "--fetch-detector",
        "kiosk.yaml",
        unit,
        "enable",
        "done",
    ):
        assert step in done.stdout, step
    # Only the service of the system has a network to open and a group.
    assert ("fer-runtime.service.d/network.conf" in done.stdout) == (not mode)
    assert list(tmp_path.iterdir()) == []
    done = script("uninstall.sh", *mode, "--dry-run", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "kept:" in done.stdout and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--colour"], "unknown option --colour"),
        (["--prefix"], "--prefix needs a value"),
        (["--dry-run", "--prefix", "opt"], "expected a path from the root, received opt"),
        (["--dry-run", "--prefix", "/opt/a b"], "expected letters, digits"),
        (["--dry-run", "--prefix", "/home/me/fer"], "the service cannot see /home/me/fer"),
        (["--dry-run", "--prefix", "/usr"], "/usr is there and is not an environment of ours"),
        (["--dry-run", "--wheel", "none.whl"], "no file none.whl"),
    ],
)
def test_bad_arguments_are_one_line_and_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = script("install.sh", *arguments, home=tmp_path)
    assert done.returncode in (1, 2)
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


def test_an_old_python_is_named(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.1" && exit 0\nexit 1\n')
    fake.chmod(0o755)
    done = script("install.sh", "--dry-run", home=tmp_path, PYTHON=str(fake))
    assert done.returncode == 1
    assert "expected Python 3.10 or newer, received Python 3.8.1" in done.stderr


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    done = script("install.sh", "--dry-run", home=tmp_path, PYTHON="/none/python")
    assert done.returncode == 1 and "apt-get install python3 python3-venv" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="says so to root only")
@pytest.mark.parametrize("name", ["install.sh", "uninstall.sh"])
def test_root_installs_no_window(tmp_path: Path, name: str) -> None:
    done = script(name, "--user", home=tmp_path)
    assert done.returncode == 2 and "without sudo" in done.stderr


FAKE_PYTHON = """#!/bin/sh
# Makes an "environment" whose fer-runtime only says that it was called.
case "$*" in
  "-m venv "*) for last; do :; done; mkdir -p "$last/bin"; touch "$last/pyvenv.cfg"
     cp "$0" "$last/bin/python"
     printf '#!/bin/sh\\necho "fer-runtime $*" >>"%s/calls"\\n' "$last" >"$last/bin/fer-runtime"
     chmod +x "$last/bin/fer-runtime" ;;
esac
"""


def test_installing_for_a_user_twice_and_uninstalling(tmp_path: Path) -> None:
    """The whole script with a stand-in for Python and for systemctl, in a home of its own."""
    tools = tmp_path / "tools"
    tools.mkdir()
    python, systemctl, identity = tools / "python", tools / "systemctl", tools / "id"
    python.write_text(FAKE_PYTHON)
    systemctl.write_text(f'#!/bin/sh\necho "$*" >>{tools}/systemctl.log\n')
    identity.write_text("#!/bin/sh\necho 1000\n")
    for tool in (python, systemctl, identity):
        tool.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    env = {"PYTHON": str(python), "PATH": f"{tools}:{os.environ['PATH']}"}
    done = script("install.sh", "--user", home=home, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    prefix = home / ".local/share/fer-edge/env"
    config = home / ".config/fer-edge/kiosk.yaml"
    unit = home / ".config/systemd/user/fer-runtime-show.service"
    assert f"ExecStart={prefix}/bin/fer-runtime --show" in unit.read_text()
    assert str(home / ".local/share/fer-edge/log.csv") in config.read_text()
    assert "/var/log" not in config.read_text()
    assert "--fetch-detector" in (prefix / "calls").read_text()
    said = (tools / "systemctl.log").read_text()
    assert "--user enable fer-runtime-show.service" in said
    assert "--user restart fer-runtime-show.service" in said
    # Again: nothing fails, and the configuration is the user's.
    config.write_text("window: {legend: true}\n")
    done = script("install.sh", "--user", home=home, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert config.read_text() == "window: {legend: true}\n"
    log = home / ".local/share/fer-edge/log.csv"
    log.write_text("rows")
    done = script("uninstall.sh", "--user", home=home, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not prefix.exists() and not unit.exists()
    assert log.read_text() == "rows" and config.exists()
    assert "--user disable --now fer-runtime-show.service" in (tools / "systemctl.log").read_text()
