"""The first minutes: setup writes and edits settings, check counts what is wrong."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import assert_one_line, clean_env
from fer_runtime.command.network import wants_network
from fer_runtime.command.setup import setup_command
from fer_runtime.errors import FerError, OutputError
from fer_runtime.settings.file import load
from fer_runtime.settings.schema import Settings


def ask(path: Path, *arguments: str, answers: str = "") -> str:
    done = CliRunner().invoke(setup_command, ["--config", str(path), *arguments], input=answers)
    assert done.exception is None or done.exit_code == 0, done.output
    return done.output


def test_questions_write_commented_settings_and_again_edit_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_runtime.frames.cameras.list_cameras", list)
    path = tmp_path / "etc" / "kiosk.yaml"
    said = ask(path, answers="demo\nn\nes\nlog.csv\n")
    assert "no camera found" in said and "written" in said
    settings = load(path)
    assert (settings.source.source, settings.window.language) == ("demo", "es")
    assert settings.csv.path == "log.csv"
    assert "# language of labels" in path.read_text("utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    # By hand and then again: what is not asked and not given stays.
    path.write_text(path.read_text("utf-8").replace("max_faces: 10", "max_faces: 3"), "utf-8")
    path.chmod(0o600)
    assert "edits" in ask(path, "--yes", "--csv", "none")
    settings = load(path)
    assert settings.detector.max_faces == 3 and settings.csv.path == ""
    assert settings.source.source == "demo"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["kiosk.yaml"]


def test_a_cameras_password_is_neither_shown_nor_left_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_runtime.frames.cameras.list_cameras", list)
    path, url = tmp_path / "kiosk.yaml", "rtsp://admin:hunter2@cam/live"
    path.write_text("source:\n  source: demo\n")
    path.chmod(0o644)
    ask(path, "--yes", "--source", url)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    said = ask(path, answers="\nn\nen\nnone\n")
    assert "[rtsp://cam/live]" in said and "hunter2" not in said
    assert load(path).source.source == url


@pytest.mark.usefixtures("assets")
def test_the_preview_counts_faces_in_the_terminal(tmp_path: Path) -> None:
    said = ask(tmp_path / "k.yaml", "--yes", "--source", "demo", "--preview")
    assert " face" in said and "frames)" in said


def test_a_preview_of_nothing_says_why_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "k.yaml"
    said = ask(path, "--yes", "--source", "/dev/none", "--preview")
    assert "not there" in said and load(path).source.source == "/dev/none"


def test_bad_answers_are_one_line(fer: Callable[..., Any], tmp_path: Path) -> None:
    name = "fer-runtime setup"
    done = fer("setup", "--yes", "--instance", "../x")
    assert_one_line(done, 2, "expected letters", name=name)
    (tmp_path / "file").write_text("")
    done = fer("setup", "--yes", "--config", "file/k.yaml")
    assert_one_line(done, 74 if done.returncode == 74 else 78, "file/k.yaml", name=name)
    done = fer("setup", "--yes", "--config", "~nosuchuser/k.yaml")
    assert_one_line(done, 78, "--config: expected a path", name=name)
    done = fer("--all")
    assert_one_line(done, 2, "--all goes with --status")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_pipe_or_device_is_neither_waited_for_nor_replaced(tmp_path: Path) -> None:
    path = tmp_path / "k.yaml"
    os.mkfifo(path)
    with pytest.raises(OutputError, match=r"config .*received a device, pipe or socket"):
        setup_command.main(
            ["--yes", "--config", str(path), "--source", "demo"], standalone_mode=False
        )
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_check_ends_with_how_many_things_are_wrong(fer: Callable[..., Any]) -> None:
    done = fer("--check", "--source", "/dev/none", "--csv", "none/log.csv")
    assert done.stdout.splitlines()[-1] == "2 things are wrong"
    assert fer("--check", "--source", "demo").stdout.splitlines()[-1] == "all is well"


SYSTEMCTL = """#!/bin/sh
# Enough of systemctl to be wrong about: two units, and the words and codes of the real one.
state=$(dirname "$0")/state
echo "$*" >>"$state/calls"
[ "$*" != daemon-reload ] || exit 0
case $1 in enable|restart) unit=$2 count=2 ;; disable) unit=$3 count=3 ;; *) unit= count=0 ;; esac
[ $# = "$count" ] || { echo "Unknown command verb or arguments '$*'." >&2; exit 1; }
[ "$1" != disable ] || [ "$2" = --now ] || { echo "unrecognized option '$2'" >&2; exit 1; }
case $unit in
  fer-runtime|fer-runtime.service) name=fer-runtime ;;
  fer-runtime@?*) name=$unit; config="$(dirname "$0")/etc/${unit#fer-runtime@}.yaml" ;;
  *) echo "Failed to $1 unit: Unit file $unit.service does not exist." >&2; exit 1 ;;
esac
case $1 in
  enable)
    [ ! -e "$state/readonly" ] || { echo "Failed to enable unit: Access denied" >&2; exit 4; }
    touch "$state/enabled-$name" ;;
  restart)
    if [ -n "$config" ] && [ ! -s "$config" ]; then
      echo "Job for $name.service failed because the control process exited." >&2; exit 1
    fi
    touch "$state/active-$name" ;;
  disable) rm -f "$state/enabled-$name" "$state/active-$name" ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with /etc/fer-edge in ``etc`` and a systemctl that keeps its ``state``."""
    for folder in ("etc", "state"):
        (tmp_path / folder).mkdir()
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("fer_runtime.command.setup.CONFIGS", tmp_path / "etc")
    return tmp_path


def state(machine: Path) -> set[str]:
    return {p.name for p in (machine / "state").iterdir()} - {"calls"}


def test_setup_switches_the_service_on_and_off(machine: Path) -> None:
    config = machine / "etc/kiosk.yaml"
    said = ask(config, "--yes", "--source", "demo", "--service")
    assert "fer-runtime is running" in said
    assert state(machine) == {"enabled-fer-runtime", "active-fer-runtime"}
    # Not said, not touched.
    calls = (machine / "state/calls").read_text()
    ask(config, "--yes", "--lang", "es")
    assert (machine / "state/calls").read_text() == calls == (
        "enable fer-runtime\nrestart fer-runtime\n"
    )  # fmt: skip
    assert "fer-runtime is off" in ask(config, "--yes", "--no-service")
    assert state(machine) == set()


def test_an_instance_has_a_service_of_its_own_and_the_question_is_asked(machine: Path) -> None:
    done = CliRunner().invoke(
        setup_command, ["--instance", "left", "--source", "demo", "--no-preview", "--lang", "en",
                        "--csv", "none"], input="y\n",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "enable and start the service fer-runtime@left?" in done.output
    assert state(machine) == {"enabled-fer-runtime@left", "active-fer-runtime@left"}
    assert load(machine / "etc/left.yaml").source.source == "demo"
    done = CliRunner().invoke(setup_command, ["--instance", "left", "--yes", "--no-service"])
    assert done.exit_code == 0 and state(machine) == set()


def test_what_systemctl_refuses_is_told_and_the_settings_are_written(machine: Path) -> None:
    (machine / "state/readonly").touch()
    config = machine / "etc/kiosk.yaml"
    arguments = ["--config", str(config), "--yes", "--source", "demo", "--service"]
    done = CliRunner().invoke(setup_command, arguments)
    assert isinstance(done.exception, OutputError)
    assert "systemctl enable fer-runtime: Failed to enable unit: Access denied" in str(
        done.exception
    )
    assert "journalctl -u fer-runtime" in str(done.exception)
    assert load(config).source.source == "demo"
    assert state(machine) == {"readonly"}


def test_a_service_without_systemd_or_outside_etc_is_refused(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = ["--config", str(machine / "k.yaml"), "--yes", "--service"]
    done = CliRunner().invoke(setup_command, elsewhere)
    assert isinstance(done.exception, OutputError)
    assert "sudo fer-runtime setup" in str(done.exception)
    (machine / "systemctl").unlink()
    monkeypatch.setenv("PATH", str(machine))
    done = CliRunner().invoke(
        setup_command, ["--config", str(machine / "etc/kiosk.yaml"), "--yes", "--service"]
    )
    assert isinstance(done.exception, OutputError)
    assert "needs systemd" in str(done.exception)


def test_setup_opens_and_closes_the_network(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units = machine / "units"
    monkeypatch.setattr("fer_runtime.command.network.UNITS", units)
    monkeypatch.setattr("sys.prefix", str(machine / "opt"))
    sample = machine / "opt/share/fer-edge/network.conf"
    sample.parent.mkdir(parents=True)
    sample.write_text("[Service]\nPrivateNetwork=no\n")
    config = machine / "etc/kiosk.yaml"
    said = ask(config, "--yes", "--source", "demo", "--web", "127.0.0.1:8765")
    assert "the service has no network, which this needs" in said
    assert load(config).web.listen == "127.0.0.1:8765"
    for key, value in (("source.source", "rtsp://cam/1"), ("mqtt.host", "b"), ("lsl.stream", "s")):
        assert wants_network(Settings().with_values({key: value}))
    assert not wants_network(Settings())
    file = units / "fer-runtime.service.d/network.conf"
    said = ask(config, "--yes", "--network")
    assert f"written {file}; from the next start on: systemctl restart fer-runtime" in said
    assert file.read_text() == sample.read_text()
    assert (machine / "state/calls").read_text() == "daemon-reload\n"
    # An edited firewall stays, and is put aside whole.
    file.write_text("# IPAddressAllow=192.0.2.10\n")
    said = ask(config, "--yes", "--network")
    assert f"as it is: {file}" in said and "no network" not in said
    assert file.read_text() == "# IPAddressAllow=192.0.2.10\n"
    assert f"put aside: {file}.off" in ask(config, "--yes", "--no-network")
    assert file.with_name("network.conf.off").read_text() == "# IPAddressAllow=192.0.2.10\n"
    assert "has no network already" in ask(config, "--yes", "--no-network", "--web", "none")
    assert load(config).web.listen == ""
    # The instances share one.
    done = CliRunner().invoke(setup_command, ["--instance", "left", "--yes", "--network"])
    assert done.exit_code == 0, done.output
    assert (units / "fer-runtime@.service.d/network.conf").is_file() and not file.exists()


def test_a_services_log_has_a_path_from_the_root(machine: Path) -> None:
    for arguments, code in ((["--csv", "log.csv"], 2), (["--csv", "/var/log/fer-edge/log.csv"], 0)):
        done = CliRunner().invoke(
            setup_command, ["--config", str(machine / "etc/kiosk.yaml"), "--yes", *arguments]
        )
        assert done.exit_code == code, done.output
        assert (machine / "etc/kiosk.yaml").exists() == (code == 0)
    assert "written" in ask(machine / "k.yaml", "--yes", "--csv", "log.csv")


def test_a_port_that_another_camera_has_is_told(machine: Path) -> None:
    ask(machine / "etc/left.yaml", "--yes", "--source", "demo", "--web", "127.0.0.1:8766")
    (machine / "etc/broken.yaml").write_text("nonsense: 1\n")
    said = ask(machine / "etc/right.yaml", "--yes", "--source", "demo", "--web", "127.0.0.1:8766")
    assert f"{machine / 'etc/left.yaml'} has 127.0.0.1:8766 too" in said
    assert " too" not in ask(machine / "etc/right.yaml", "--yes", "--web", "127.0.0.1:8767")


def test_a_network_that_cannot_be_opened_and_a_bad_address_are_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_runtime.command.network.UNITS", machine / "units")
    monkeypatch.setattr("sys.prefix", str(machine / "opt"))
    config = machine / "etc/kiosk.yaml"
    for arguments, words in (
        (["--network"], "expected the sample, there is none"),
        (["--web", "kiosk:80"], "expected an address and a port, received 'kiosk:80'"),
        (["--config", str(machine / "k.yaml"), "--network"], "sudo fer-runtime setup"),
    ):
        done = CliRunner().invoke(setup_command, ["--config", str(config), "--yes", *arguments])
        assert isinstance(done.exception, FerError) and words in str(done.exception), done.output
    assert not (machine / "units").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal")
def test_at_a_terminal_without_a_camera_it_says_what_to_do(tmp_path: Path) -> None:
    from fer_runtime.frames.cameras import list_cameras

    if list_cameras():
        pytest.skip("there is a camera")
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "fer_runtime.command.cli", "--duration", "1", "--csv", ""]
    with subprocess.Popen(
        command, cwd=tmp_path, env=clean_env(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        # Read until the other end is closed, which Linux tells as an error.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 4096):
                said += piece
        os.close(ours)
        assert process.wait(60) == 0
    first = said.decode().splitlines()[0]
    assert first.startswith("No camera here yet; waiting for one")
    for words in ("fer-runtime --source demo --show", "--list-cameras", "fer-runtime setup"):
        assert words in first
