"""network.conf: the file beside a unit that lets the service use the network."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from ..errors import OutputError
from ..settings.schema import Settings

UNITS: Final = Path("/etc/systemd/system")


def network_file(instance: str | None) -> Path:
    """Return the file of the single service, or the one that all instances share."""
    unit = "fer-runtime.service" if instance is None else "fer-runtime@.service"
    return UNITS / f"{unit}.d" / "network.conf"


def wants_network(settings: Settings) -> bool:
    """Tell whether `settings` ask for anything that a service without a network cannot do."""
    out = settings.mqtt.host or settings.web.listen or settings.lsl.stream
    return bool("://" in settings.source.source or out)


def open_network(file: Path) -> bool:
    """Put the sample of the installation at `file`; one that is there stays as it is.

    Returns
    -------
    Whether it was put there.

    Raises
    ------
    OutputError
        If there is no sample, or `file` cannot be written.
    """
    if file.exists():
        return False
    sample = Path(sys.prefix) / "share" / "fer-edge" / "network.conf"
    if not sample.is_file():
        raise OutputError(
            f"{sample}: expected the sample, there is none",
            "install the service with the package or systemd/install.sh",
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sample, file)
    except OSError as error:
        raise OutputError(
            f"{file}: cannot be written: {error.strerror}", "run it with sudo"
        ) from None
    return True


def close_network(file: Path) -> bool:
    """Put `file` aside as ``network.conf.off``, which systemd does not read.

    Returns
    -------
    Whether it was there.

    Raises
    ------
    OutputError
        If it cannot be moved.
    """
    if not file.exists():
        return False
    try:
        file.replace(file.with_name(f"{file.name}.off"))
    except OSError as error:
        raise OutputError(
            f"{file}: cannot be moved: {error.strerror}", "run it with sudo"
        ) from None
    return True
