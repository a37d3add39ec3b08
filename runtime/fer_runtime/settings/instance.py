"""One of several cameras on one machine: where ``fer-runtime@NAME`` keeps its things.

The single service has /var/log/fer-edge and /run/fer-edge. Those of the instances lie beside
them and not below, because systemd gives and removes whole folders.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from .schema import Settings

CONFIGS: Final = Path("/etc/fer-edge")
LOGS: Final = "/var/log/fer-edge/"
STATES: Final = "/run/fer-edge/"
INSTANCE_LOGS: Final = "/var/log/fer-edge-cameras/"
INSTANCE_STATES: Final = "/run/fer-edge-cameras/"
_ENABLED: Final = Path("/etc/systemd/system/multi-user.target.wants")


def check_name(name: str) -> str:
    """Return `name` where it can be part of a unit, a path and a topic; UsageError if not."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name) or name == "kiosk":
        raise UsageError(
            f"--instance: expected letters, digits, - and _, and not 'kiosk', which is the single "
            f"service's, received '{name}'"
        )
    return name


def for_instance(settings: Settings, name: str, host: str) -> Settings:
    """Return `settings` with an instance's own logs, status file and MQTT device.

    Parameters
    ----------
    settings
        As the file and the flags say.
    name
        Of the instance, see `check_name`.
    host
        This machine's name; the device is ``HOST-NAME`` where ``mqtt.device`` is empty, since a
        broker ends the connection of the first of two clients with one name.

    Notes
    -----
    Only paths below the folders of the single service are moved; others stay as they are.
    """
    check_name(name)
    values: dict[str, Any] = {}
    for key in ("path", "visits", "minutes"):
        file: str = getattr(settings.csv, key)
        if file.startswith(LOGS):
            values[f"csv.{key}"] = f"{INSTANCE_LOGS}{name}/{file.removeprefix(LOGS)}"
    if not settings.status.path or settings.status.path.startswith(STATES):
        rest = settings.status.path.removeprefix(STATES) or "status.json"
        values["status.path"] = f"{INSTANCE_STATES}{name}/{rest}"
    if settings.metrics.textfile.startswith(STATES):
        rest = settings.metrics.textfile.removeprefix(STATES)
        values["metrics.textfile"] = f"{INSTANCE_STATES}{name}/{rest}"
    if not settings.mqtt.device:
        values["mqtt.device"] = f"{host}-{name}"
    return settings.with_values(values)


def status_files(root: Path = Path("/")) -> dict[str, Path]:
    """Return the status file of each service of this machine, by name, in order.

    Parameters
    ----------
    root
        Of the file system.

    Returns
    -------
    The single service as ``kiosk`` where it is enabled or has a folder, then the instances that
    are enabled or have one. What is enabled is named although nothing runs.
    """
    states, instances = (root / p.lstrip("/") for p in (STATES, INSTANCE_STATES))
    enabled = root / str(_ENABLED).lstrip("/")
    found: dict[str, Path] = {}
    if states.is_dir() or (enabled / "fer-runtime.service").is_symlink():
        found["kiosk"] = states / "status.json"
    names = {p.name for p in instances.glob("*") if p.is_dir()}
    names |= {
        p.name.removeprefix("fer-runtime@").removesuffix(".service")
        for p in enabled.glob("fer-runtime@*.service")
    }
    for name in sorted(names):
        found[name] = instances / name / "status.json"
    return found
