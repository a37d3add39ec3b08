"""Messages to the service manager: systemd's sd_notify protocol, without a dependency.

Each message is a datagram to the Unix socket named by ``NOTIFY_SOCKET``; see the manual page
sd_notify(3). Without that variable, or without Unix sockets, nothing is sent.
"""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Mapping

_LOGGER = logging.getLogger(__name__)

_SEND_S = 0.5


class Notifier:
    """Tells the service manager how this process is.

    Parameters
    ----------
    address
        Path of the socket, or ``@name`` for an abstract one; empty: send nothing.
    watchdog_interval_s
        Send a sign of life this often, in seconds; None where no watchdog waits for it.
    """

    def __init__(self, address: str = "", watchdog_interval_s: float | None = None) -> None:
        self.watchdog_interval_s = watchdog_interval_s
        self._last_s = -math.inf
        self._text = ""
        self._failed = False
        # The kernel's name of an abstract socket begins with a NUL byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        if not hasattr(socket, "AF_UNIX"):
            self._address = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Notifier:
        """Build it from ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``.

        The interval is half of what systemd allows, as sd_watchdog_enabled(3) recommends.
        """
        interval = None
        try:
            limit_us = int(environ.get("WATCHDOG_USEC", "0"))
            pid = int(environ.get("WATCHDOG_PID", "0"))
        except ValueError:
            limit_us = pid = 0
        if limit_us > 0 and pid in (0, os.getpid()):
            interval = limit_us / 2e6
        return cls(environ.get("NOTIFY_SOCKET", ""), interval)

    def ready(self) -> None:
        """Say that the start is complete."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        text = " ".join(text.split())
        if text != self._text:
            self._text = text
            self._send(f"STATUS={text}")

    def watchdog(self, now: float) -> None:
        """Give a sign of life, where one is due at `now` (monotonic seconds).

        To be called by the loop whose progress matters, at every turn, and by nothing else.
        """
        if self.watchdog_interval_s is None or now - self._last_s < self.watchdog_interval_s:
            return
        self._last_s = now
        self._send("WATCHDOG=1")

    def reloading(self, now: float) -> None:
        """Say that the configuration is being read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(now * 1e6)}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                # Waits for a busy manager, but not for one that hangs.
                sender.settimeout(_SEND_S)
                sender.sendto(message.encode("utf-8"), self._address)
        except OSError as error:
            # Never a reason to stop reading faces; without signs of life systemd acts.
            if not self._failed:
                _LOGGER.warning("service manager cannot be reached: %s", error.strerror)
            self._failed = True
        else:
            self._failed = False
