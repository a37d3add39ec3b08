"""Several cameras on one machine: nothing of one instance is another's."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from fer_runtime.command.status import show_all
from fer_runtime.errors import UsageError
from fer_runtime.settings.instance import for_instance, status_files
from fer_runtime.settings.schema import Settings

SAMPLE = Settings().with_values(
    {
        "csv.path": "/var/log/fer-edge/log.csv",
        "csv.visits": "/var/log/fer-edge/visits.csv",
        "csv.minutes": "/var/log/fer-edge/minutes.csv",
        "status.path": "/run/fer-edge/status.json",
    }
)


def test_each_instance_has_its_own_log_status_and_device() -> None:
    left, right = (for_instance(SAMPLE, name, "kiosk7") for name in ("left", "right"))
    assert left.csv.path == "/var/log/fer-edge-cameras/left/log.csv"
    # The instance's unit can write nowhere else, and two writers of one file refuse each other.
    assert left.csv.visits == "/var/log/fer-edge-cameras/left/visits.csv"
    assert right.csv.minutes == "/var/log/fer-edge-cameras/right/minutes.csv"
    assert left.status.path == "/run/fer-edge-cameras/left/status.json"
    assert (left.mqtt.device, right.mqtt.device) == ("kiosk7-left", "kiosk7-right")
    assert left.csv.path != right.csv.path and left.status.path != right.status.path


def test_what_the_operator_has_chosen_stays() -> None:
    chosen = SAMPLE.with_values({"csv.path": "/data/a.csv", "mqtt.device": "door"})
    done = for_instance(chosen, "left", "kiosk7")
    assert done.csv.path == "/data/a.csv" and done.mqtt.device == "door"
    assert for_instance(Settings(), "left", "h").csv.path == ""  # no log was wanted


@pytest.mark.parametrize("name", ["", "../x", "a b", "kiosk", "é", "-x"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected letters"):
        for_instance(SAMPLE, name, "h")


def status(path: Path, state: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.now(timezone.utc).isoformat()
    path.write_text(json.dumps({"state": state, "source": "demo", "written_at": now}))


def test_all_services_are_shown_with_the_worst_code(tmp_path: Path) -> None:
    status(tmp_path / "run/fer-edge/status.json", "running")
    status(tmp_path / "run/fer-edge-cameras/left/status.json", "retrying")
    lines: list[str] = []
    now = datetime.now(timezone.utc).timestamp()
    assert show_all(status_files(tmp_path), now, lines.append) == 69
    assert lines[0].startswith("kiosk  running") and lines[1].startswith("left   retrying")
    # Enabled, although nothing runs: it is named.
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "fer-runtime@right.service").symlink_to("/lib/systemd/system/fer-runtime@.service")
    lines.clear()
    assert show_all(status_files(tmp_path), now, lines.append) == 1
    assert lines[2].startswith("right  not running")


def test_no_service_at_all_is_1(tmp_path: Path) -> None:
    lines: list[str] = []
    assert show_all(status_files(tmp_path), 0.0, lines.append) == 1
    assert "no service" in lines[0]
