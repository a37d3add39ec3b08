"""The units: no warning from systemd, little exposure, and what a kiosk depends on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
SYSTEM = [
    "fer-runtime.service",
    "fer-runtime@.service",
    "srv-feredge.mount",
    "srv-fercameras.mount",
]
USER = ["fer-runtime-show.service"]


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., Path]:
    """Put a unit where it would be, as install.sh --prefix does: its program must exist."""

    def install(name: str, *, network: bool = False, add: str = "") -> Path:
        text = (UNITS / name).read_text()
        text = re.sub(r"(/opt/fer-edge|%h/\.local/share/fer-edge/env)", str(tmp_path), text)
        program = tmp_path / "bin" / "fer-runtime"
        program.parent.mkdir(exist_ok=True)
        if not program.exists():
            program.symlink_to(sys.executable)
        folder = tmp_path / "units"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text.replace("[Install]", f"{add}\n[Install]"))
        if network:
            drop_in = folder / f"{name}.d"
            drop_in.mkdir()
            shutil.copy(UNITS / "network.conf", drop_in)
        return folder / name

    return install


def analyze(unit: Path, *arguments: str, user: bool = False) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    environment = os.environ | {
        "SYSTEMD_UNIT_PATH": f"{unit.parent}:",
        "XDG_RUNTIME_DIR": str(unit.parent),
        "LC_ALL": "C.UTF-8",
    }
    # A unit by its path would be read without its drop-ins.
    command = [ANALYZE, *(["--user"] if user else []), *arguments, unit.name]
    if "verify" in arguments:
        command[-1] = str(unit)
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@needs_systemd
@pytest.mark.parametrize("name", SYSTEM + USER)
def test_systemd_reads_the_unit_without_a_warning(
    installed: Callable[..., Path], name: str
) -> None:
    done = analyze(installed(name), "verify", user=name in USER)
    # It ends with 0 on a misspelt key: what it says is what counts.
    assert (done.stderr, done.stdout, done.returncode) == ("", "", 0)


@needs_systemd
def test_systemd_reads_the_network_drop_in_without_a_warning(
    installed: Callable[..., Path],
) -> None:
    done = analyze(installed("fer-runtime.service", network=True), "verify")
    assert (done.stderr, done.returncode) == ("", 0)


@needs_systemd
def test_a_misspelt_key_would_be_seen(installed: Callable[..., Path]) -> None:
    done = analyze(installed("fer-runtime.service", add="WatchdogSeconds=20"), "verify")
    assert "WatchdogSeconds" in done.stderr


@needs_systemd
@pytest.mark.parametrize(("network", "most"), [(False, 1.0), (True, 2.0)])
def test_the_service_is_little_exposed(
    installed: Callable[..., Path], network: bool, most: float
) -> None:
    unit = installed("fer-runtime.service")
    if network:  # offline analysis reads one file
        extra = (UNITS / "network.conf").read_text().split("[Service]")[1]
        unit.write_text(unit.read_text().replace("[Install]", f"{extra}\n[Install]"))
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= most


def keys(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        if "=" in line and not line.startswith(("#", ";")):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def test_the_service_is_what_a_kiosk_needs() -> None:
    unit = keys("fer-runtime.service")
    for key, value in {
        "Type": "notify",
        "Restart": "on-failure",
        "RestartSec": "10",
        "StartLimitIntervalSec": "0",
        "RestartPreventExitStatus": "78",
        "DynamicUser": "yes",
        "Group": "fer-edge",
        "SupplementaryGroups": "video",
        "DeviceAllow": "char-video4linux rw",
        "LogsDirectory": "fer-edge",
        "LogsDirectoryMode": "0750",
        "RestrictAddressFamilies": "AF_UNIX",
        "WantedBy": "multi-user.target",
    }.items():
        assert unit[key] == [value], key
    assert "PrivateDevices" not in unit  # it would hide the camera
    assert float(unit["WatchdogSec"][0]) >= 4 and "MemoryMax" in unit and "TasksMax" in unit


def test_a_camera_that_comes_after_the_start_is_allowed() -> None:
    """DeviceAllow=char-video4linux is resolved at the start, from /proc/devices.

    Seen in a virtual machine with a real systemd and a real UVC camera: with the driver not
    loaded at boot, the camera was refused (EPERM) until a restart; with these two it is not.
    """
    unit = keys("fer-runtime.service")
    assert "modprobe@videodev.service" in unit["Wants"] and unit["After"] == unit["Wants"]


FAKE_CPUS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
long sysconf(int name) {
  long (*real)(int) = dlsym(RTLD_NEXT, "sysconf");
  return name == _SC_NPROCESSORS_CONF || name == _SC_NPROCESSORS_ONLN ? 32 : real(name);
}
int get_nprocs(void) { return 32; }
int get_nprocs_conf(void) { return 32; }
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
  memset(set, 0, size);
  for (int cpu = 0; cpu < 32; cpu++) CPU_SET_S(cpu, size, set);
  return 0;
}
"""


@pytest.mark.skipif(
    shutil.which("gcc") is None or sys.platform != "linux", reason="builds a library with gcc"
)
@pytest.mark.parametrize("name", ["fer-runtime.service", *USER])
def test_a_pc_of_32_processors_starts_no_thread_for_each(tmp_path: Path, name: str) -> None:
    (tmp_path / "cpus.c").write_text(FAKE_CPUS)
    library = tmp_path / "cpus.so"
    build = ["gcc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "cpus.c"), "-ldl"]
    subprocess.run(build, check=True, timeout=60)
    code = "import os, numpy, cv2; print(os.cpu_count(), len(os.listdir('/proc/self/task')))"
    environ = {"PATH": os.environ["PATH"], "LD_PRELOAD": str(library)}

    def threads(**more: str) -> tuple[int, int]:
        done = subprocess.run(
            [sys.executable, "-c", code], env=environ | more, check=True, capture_output=True,
            text=True, timeout=60,
        )  # fmt: skip
        processors, tasks = done.stdout.split()
        return int(processors), int(tasks)

    assert threads() >= (32, 32)  # otherwise this test sees nothing
    given = " ".join(keys(name)["Environment"]).split()
    processors, tasks = threads(**dict(pair.split("=", 1) for pair in given))
    assert processors == 32 and tasks <= 2
    # FFmpeg takes one for every processor, for each reader; they are not many more than 64.
    assert int(keys(name)["TasksMax"][0]) >= 512


def test_the_window_belongs_to_the_session() -> None:
    unit = keys("fer-runtime-show.service")
    assert unit["PartOf"] == unit["WantedBy"] == ["graphical-session.target"]
    assert "--show" in unit["ExecStart"][0]
    # Seen with the drivers of some displays: they need memory that is written and executed.
    assert "MemoryDenyWriteExecute" not in unit and "DynamicUser" not in unit


def test_the_sample_configuration_has_every_key_as_the_command_prints_it(
    fer: Callable[..., Any],
) -> None:
    from fer_runtime.settings.schema import all_settings

    flags = ["--source", "/dev/fer-camera", "--csv", "/var/log/fer-edge/log.csv"]
    flags += ["--status-file", "/run/fer-edge/status.json", "--print-config"]
    printed = fer(*flags).stdout
    sample = (UNITS / "kiosk.yaml").read_text("utf-8")
    for key in all_settings():
        name = key.split(".")[1]
        assert re.search(rf"^  # .+\n  {name}:", sample, re.M), key
    assert sample == printed, f"write it again: fer-runtime {' '.join(flags)} > systemd/kiosk.yaml"


def test_the_sample_configuration_is_good(fer: Callable[..., Any]) -> None:
    done = fer("--config", UNITS / "kiosk.yaml", "--print-config")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (UNITS / "kiosk.yaml").read_text("utf-8")


def test_the_paths_of_unit_sample_and_mount_agree() -> None:
    unit, mount = keys("fer-runtime.service"), keys("srv-feredge.mount")
    sample = (UNITS / "kiosk.yaml").read_text("utf-8")
    assert f"/var/log/{unit['LogsDirectory'][0]}/" in sample
    assert f"/run/{unit['RuntimeDirectory'][0]}/status.json" in sample
    assert mount["What"] == [f"/var/log/private/{unit['LogsDirectory'][0]}"]
    assert "ro" in mount["Options"][0].split(",")
    rules = (UNITS / "70-fer-edge-camera.rules").read_text()
    assert 'SYMLINK+="fer-camera"' in rules and '"/dev/fer-camera"' in sample
