"""The installer and uninstaller, as far as they change nothing or only a folder of the test."""

from __future__ import annotations

import os
import shutil
import stat
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
        (
            ["--dry-run", "--extras", "mqtt, web"],
            "expected mqtt, web or mqtt,web, received mqtt, web",
        ),
        (["--dry-run", "--extras", "mqqt"], "received mqqt"),
        (["--dry-run", "--prefix", "/opt/../tmp/x"], "expected a path without .."),
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


def stand_ins(folder: Path, uid: int) -> dict[str, str]:
    """Return an environment in which nothing of this machine can be changed by accident."""
    tools = folder / "tools"
    tools.mkdir()
    (folder / "home").mkdir()
    note = f'#!/bin/sh\necho "$(basename "$0") $*" >>{tools}/calls.log\n'
    texts = {"python": FAKE_PYTHON, "id": f"#!/bin/sh\necho {uid}\n"}
    texts |= {name: note for name in ("getent", "groupadd", "chgrp", "udevadm")}
    texts["systemctl"] = f'#!/bin/sh\necho "$*" >>{tools}/systemctl.log\n'
    for name, text in texts.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    return {"PYTHON": str(tools / "python"), "PATH": path, "DESTDIR": str(folder / "root")}


class Machine:
    """A kiosk's folders under the test's own, with the whole scripts run upon them."""

    def __init__(self, folder: Path) -> None:
        self.env = stand_ins(folder, uid=0)
        self.home, self.root = folder / "home", folder / "root"
        self.prefix = self.root / "opt"
        self.config = self.root / "etc/fer-edge/kiosk.yaml"
        self.units = self.root / "etc/systemd/system"
        self.network = self.units / "fer-runtime.service.d/network.conf"
        self.rule = self.root / "etc/udev/rules.d/70-fer-edge-camera.rules"

    def __call__(self, name: str, *arguments: str, mask: int = 0o022) -> str:
        old = os.umask(mask)
        try:
            done = script(
                name, "--prefix", str(self.prefix), *arguments, home=self.home, **self.env
            )
        finally:
            os.umask(old)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_update_replaces_what_nobody_has_edited(machine: Machine) -> None:
    machine("install.sh", "--network")
    share = machine.prefix / "share/fer-edge"
    for file in (machine.network, machine.rule, machine.units / "fer-runtime.service"):
        file.write_text("# of an older version\n")
        (share / file.name).write_text("# of an older version\n")
    said = machine("install.sh")
    # systemd reloads where it can (reload-or-restart), and most settings take a restart.
    assert "then: systemctl restart fer-runtime\n" in said
    assert machine.network.read_text() == (SCRIPTS / "network.conf").read_text()
    assert machine.rule.read_text() == (SCRIPTS / "70-fer-edge-camera.rules").read_text()
    assert "edited" not in said
    assert not list(machine.root.rglob("*.new")) and not list(machine.root.rglob("*.old"))


def test_an_update_reaches_the_instances_too(machine: Machine) -> None:
    machine("install.sh")
    door, hall = (
        machine.units / f"fer-runtime@{name}.service.d/network.conf" for name in ("door", "hall")
    )
    for file in (door, hall, machine.prefix / "share/fer-edge/network.conf"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# of an older version\n")
    hall.write_text("# edited\n")
    said = machine("install.sh")
    shipped = (SCRIPTS / "network.conf").read_text()
    assert door.read_text() == shipped and hall.read_text() == "# edited\n"
    assert hall.with_name("network.conf.new").read_text() == shipped
    assert f"kept, as it has been edited: {hall}; the new one is beside it" in said
    assert not machine.network.exists()


def test_an_update_keeps_what_the_operator_has_edited(machine: Machine) -> None:
    """The firewall of network.conf was opened to everybody by an update."""
    machine("install.sh", "--network")
    for file in (machine.network, machine.rule):
        file.write_text(file.read_text() + "# IPAddressAllow=192.0.2.10\n")
    edited = machine.network.read_text(), machine.rule.read_text()
    said = machine("install.sh", "--network")
    assert (machine.network.read_text(), machine.rule.read_text()) == edited
    assert f"kept, as it has been edited: {machine.network}\n" in said
    # Once more, with a version that ships other files: they lie beside the old ones.
    for file in (machine.network, machine.rule):
        (machine.prefix / "share/fer-edge" / file.name).write_text("# of an older version\n")
    said = machine("install.sh", "--network")
    assert (machine.network.read_text(), machine.rule.read_text()) == edited
    new = machine.network.with_name("network.conf.new")
    assert new.read_text() == (SCRIPTS / "network.conf").read_text()
    assert machine.rule.with_name(f"{machine.rule.name}.new").is_file()
    assert f"the new one is beside it: {new}" in said
    # Taken over by hand, it is ours again and follows the next update.
    new.replace(machine.network)
    assert "network.conf" not in machine("install.sh").replace("network.conf.new", "")


def test_what_an_older_version_has_left_counts_as_edited(machine: Machine) -> None:
    """0.1.0 kept no copy of the camera rule to compare with."""
    machine.rule.parent.mkdir(parents=True)
    machine.rule.write_text("# of somebody\n")
    machine("install.sh")
    assert machine.rule.read_text() == "# of somebody\n"
    assert machine.rule.with_name(f"{machine.rule.name}.new").is_file()


def test_the_operators_document_is_there_in_both_languages(machine: Machine) -> None:
    machine("install.sh")
    share = machine.prefix / "share/fer-edge"
    assert (share / "operating.md").read_text("utf-8").startswith("# Operating a kiosk")
    assert (share / "operating.es.md").read_text("utf-8").startswith("# Manejo de un quiosco")


def test_an_edited_unit_is_put_aside(machine: Machine) -> None:
    machine("install.sh")
    unit = machine.units / "fer-runtime.service"
    unit.write_text("# of somebody\n")
    said = machine("install.sh")
    assert "ExecStart=" in unit.read_text()
    assert unit.with_name("fer-runtime.service.old").read_text() == "# of somebody\n"
    assert f"{unit}.old" in said


def test_uninstalling_keeps_what_was_edited_and_leaves_nothing_else(machine: Machine) -> None:
    machine("install.sh", "--network")
    state = machine.root / "var/lib/private/fer-edge"
    state.mkdir(parents=True)
    (machine.root / "var/lib/fer-edge").symlink_to("private/fer-edge")
    machine.network.write_text("# edited\n")
    # That of the instances, as fer-runtime setup puts it.
    of_instances = machine.units / "fer-runtime@.service.d/network.conf"
    of_instances.parent.mkdir()
    of_instances.write_text("# of instances\n")
    said = machine("uninstall.sh")
    kept = machine.config.parent / "network.conf"
    assert kept.read_text() == "# edited\n" and str(kept) in said
    kept = machine.config.parent / "network@.conf"
    assert kept.read_text() == "# of instances\n" and str(kept) in said
    kept.unlink()
    files = {str(f.relative_to(machine.root)) for f in machine.root.rglob("*") if not f.is_dir()}
    assert files == {"etc/fer-edge/kiosk.yaml", "etc/fer-edge/network.conf"}
    assert not machine.prefix.exists() and not state.exists()


def test_uninstalling_keeps_a_state_folder_that_is_in_use(machine: Machine) -> None:
    machine("install.sh")
    state = machine.root / "var/lib/private/fer-edge"
    state.mkdir(parents=True)
    (state / "feedback.csv").write_text("rows")
    machine("uninstall.sh")
    assert (state / "feedback.csv").read_text() == "rows"


def test_a_strict_mask_does_not_hide_the_program_from_its_user(machine: Machine) -> None:
    machine("install.sh", mask=0o077)
    for folder in (machine.prefix, machine.prefix / "bin", machine.units):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755, folder
    assert stat.S_IMODE((machine.units / "fer-runtime.service").stat().st_mode) == 0o644


def test_the_settings_are_not_for_everybody(machine: Machine) -> None:
    """They may hold the password of a network camera."""
    machine("install.sh")
    assert stat.S_IMODE(machine.config.stat().st_mode) == 0o640
    calls = (machine.home.parent / "tools/calls.log").read_text()
    assert f"chgrp fer-edge {machine.config}" in calls
    machine.config.chmod(0o644)  # as 0.1.0 left it
    machine("install.sh")
    assert stat.S_IMODE(machine.config.stat().st_mode) == 0o640


def test_a_library_that_opencv_lacks_is_named_with_its_package(tmp_path: Path) -> None:
    env = stand_ins(tmp_path, uid=1000)
    words = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"
    text = FAKE_PYTHON.replace(
        "esac", f"""  *"import cv2"*) printf 'Traceback ...\\n{words}\\n' >&2; exit 1 ;;\nesac"""
    )
    (tmp_path / "tools/python").write_text(text)
    done = script("install.sh", "--user", home=tmp_path / "home", **env)
    assert done.returncode == 1
    assert f"{words}; on Debian and Ubuntu: sudo apt-get install libgl1" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_installing_for_a_user_twice_and_uninstalling(tmp_path: Path) -> None:
    """The whole script with a stand-in for Python and for systemctl, in a home of its own."""
    env = stand_ins(tmp_path, uid=1000)
    tools, home = tmp_path / "tools", tmp_path / "home"
    done = script("install.sh", "--user", home=home, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    prefix = home / ".local/share/fer-edge/env"
    config = home / ".config/fer-edge/kiosk.yaml"
    unit = home / ".config/systemd/user/fer-runtime-show.service"
    assert f"ExecStart={prefix}/bin/fer-runtime --show" in unit.read_text()
    assert str(home / ".local/share/fer-edge/log.csv") in config.read_text()
    assert "/var/log" not in config.read_text()
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
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
