"""Files on a mount that comes late at boot: a service waits for them instead of giving up."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable

from ..settings.schema import Settings
from .notify import Notifier

_LOGGER = logging.getLogger(__name__)

_PAUSE_S = 0.5
# What a mount says that is not there yet, or not any more. A file that is there and cannot be
# used, or may not be read, does not get better by waiting.
_MAY_HEAL = {
    getattr(errno, name)
    for name in ("ENOENT", "ENOTDIR", "EIO", "ESTALE", "ENOTCONN", "ENODEV", "ETIMEDOUT",
                 "EHOSTDOWN", "EHOSTUNREACH")
    if hasattr(errno, name)
}  # fmt: skip


def absent(settings: Settings) -> str:
    """Return the first file that settings name and that is not there; empty where all are.

    Only absolute paths count: the name of a model, or a path relative to some folder, is found
    at once or never.
    """
    files = {"classifier.model": settings.classifier.model}
    if settings.detector.kind == "resnet-ssd":
        files["detector.ssd_weights"] = settings.detector.ssd_weights
        files["detector.ssd_prototxt"] = settings.detector.ssd_prototxt
    if settings.mqtt.host:
        files["mqtt.password_file"] = settings.mqtt.password_file
        files["mqtt.ca_file"] = settings.mqtt.ca_file
    for key, path in files.items():
        if not os.path.isabs(path):
            continue
        try:
            with open(path, "rb") as file:
                file.read(1)
        except OSError as error:
            if error.errno in _MAY_HEAL:
                return f"{key} {path}: {error.strerror}"
    return ""


def wait_for_files(
    settings: Settings,
    notifier: Notifier,
    stopped: Callable[[], bool],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> bool:
    """Wait until the files are there; return False where the run has been asked to end.

    The service counts as started meanwhile, as it does without its camera, and its watchdog is
    fed: waiting is progress.
    """
    said = ""
    while what := absent(settings):
        if stopped():
            return False
        if what != said:
            said = what
            _LOGGER.warning("%s; waiting for it", what)
            notifier.status(f"waiting for {what}")
            notifier.ready()
        notifier.watchdog(clock())
        sleep(_PAUSE_S)
    return True
