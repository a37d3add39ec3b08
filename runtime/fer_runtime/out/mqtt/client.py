"""The MQTT connection: client, credentials, encryption and last will."""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ...errors import ConfigError, FerError
from ...settings.out import MqttSettings
from .connection import RETRY_HIGH_S, RETRY_LOW_S

_LOGGER = logging.getLogger(__name__)

LONGEST_DEVICE: Final = 200
"""Bytes of a kiosk's name at a broker, see `device_bytes`."""
# MQTT 3.1.1, 1.5.3, leaves it to the broker; mosquitto takes none of these.
_UNSPOKEN: Final = re.compile("[\0-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


def make_client(settings: MqttSettings, client_id: str, will_topic: str, will: bytes) -> Any:
    """Return a client that is ready to connect.

    Parameters
    ----------
    settings
        Broker, credentials and encryption.
    client_id
        Distinct for each client of a broker; the same one after a restart, so that the broker
        closes the old connection and does not publish its will later.
    will_topic, will
        What the broker publishes, retained, when this client vanishes.

    Raises
    ------
    ConfigError
        If the extra is not installed, or the host, password or certificate file is unusable.
    """
    try:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError:
        raise ConfigError(
            "mqtt.host needs the package paho-mqtt 2, which is not installed",
            "pip install 'fer-edge[mqtt]'",
        ) from None
    # Version 3.1.1 of the protocol, which every broker speaks.
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.will_set(will_topic, will, qos=1, retain=True)
    authenticate(client, settings)
    return client


def authenticate(client: Any, settings: MqttSettings) -> None:
    """Give a client its credentials, encryption and pauses before a new attempt.

    Raises
    ------
    ConfigError
        If the host, password or certificate file is unusable.
    """
    try:
        settings.host.encode("idna")
    except UnicodeError:
        raise ConfigError(
            f"mqtt.host: expected a host name or address, received {settings.host!r}"
        ) from None
    client.reconnect_delay_set(RETRY_LOW_S, RETRY_HIGH_S)
    if settings.password_file or settings.user:
        client.username_pw_set(settings.user or None, _password(settings))
    if settings.tls:
        try:
            client.tls_set(ca_certs=settings.ca_file or None)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ConfigError(
                f"mqtt.ca_file {settings.ca_file}: expected certificates in PEM form: "
                f"{getattr(error, 'strerror', None) or error}"
            ) from None
    elif settings.password_file and settings.host not in ("localhost", "127.0.0.1", "::1"):
        _LOGGER.warning("mqtt: the password is sent unencrypted; set mqtt.tls")


def start(client: Any, settings: MqttSettings) -> None:
    """Start a client's own thread, which connects, and goes on trying.

    Raises
    ------
    ConfigError
        If this process may not use a network, as the service until it is told.
    FerError
        If there is none at all: the thread is woken over 127.0.0.1.
    """
    try:
        client.loop_start()
    except OSError as error:
        where = f"mqtt.host {settings.host}"
        if error.errno == errno.EAFNOSUPPORT:
            raise ConfigError(
                f"{where}: the service has no network", "sudo fer-runtime setup --network"
            ) from None
        raise FerError(
            f"{where}: no connection to 127.0.0.1: {error.strerror}", "is the loopback device up?"
        ) from None


def _password(settings: MqttSettings) -> str | None:
    """Return the first line of the password file; None where there is none."""
    if not settings.password_file:
        return None
    path = Path(settings.password_file).expanduser()
    try:
        text = path.read_text("utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "expected text in UTF-8"
        raise ConfigError(f"mqtt.password_file {path}: cannot be read: {reason}") from None
    password = text.split("\n", 1)[0].rstrip("\r")
    if not password:
        raise ConfigError(f"mqtt.password_file {path}: expected a password on the first line")
    if os.name == "posix" and stat.S_IMODE(mode) & 0o007:
        _LOGGER.warning("mqtt: everybody can read %s; chmod 640 it", path)
    return password


def check_level(key: str, name: str, forbidden: str) -> None:
    """Refuse a part of a topic that brokers would take for something else.

    Raises
    ------
    ConfigError
        If `name` is empty or has one of the characters `forbidden`, or one that is for machines
        only: brokers end the connection for it.
    """
    if not name or any(c in forbidden for c in name):
        raise ConfigError(
            f"{key}: expected a name without {' '.join(forbidden)}, received {name!r}"
        )
    if _UNSPOKEN.search(name):
        raise ConfigError(f"{key}: expected a name without control characters, received {name!r}")


def check_device(name: str) -> None:
    """Refuse a kiosk's name that cannot be part of a topic, or that no archive would take.

    Raises
    ------
    ConfigError
        If it is one.
    """
    check_level("mqtt.device", name, "+#/")
    size = device_bytes(name)
    if size > LONGEST_DEVICE:
        raise ConfigError(
            f"mqtt.device: expected at most {LONGEST_DEVICE} bytes (all but A-Z, a-z, 0-9 and _.-~ "
            f"count threefold), received {size}",
            "fer-collect names a folder after it: give it a shorter one",
        )


def device_bytes(name: str) -> int:
    """Return the length of a kiosk's name in the quoting that its folder in an archive has."""
    return len(quote(name, safe=""))
