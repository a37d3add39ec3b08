"""What is said about the connection to the broker, and how soon it is tried again."""

from __future__ import annotations

import logging
import ssl
from typing import Any, Final

_LOGGER = logging.getLogger(__name__)

RETRY_LOW_S: Final = 1
RETRY_HIGH_S: Final = 60
"""Pause before a connection is tried again: doubled from the first to the second."""
_LASTING_S: Final = 120.0
"""A connection that lasts as long is a good one."""
_ROW: Final = 3
"""So many short connections in a row are no accident: another client has the same name."""

_NAME: Final = "mqtt.host has to be a name or address that the certificate bears"
_TIME: Final = "check the clocks of both, or renew the certificate"
# OpenSSL's codes (x509_vfy.h): not yet valid, expired, another host name, another address. With
# these the authority is the right one.
_REMEDIES: Final = {9: _TIME, 10: _TIME, 62: _NAME, 64: _NAME}


class Connection:
    """Logs each change of state once, and slows down where connections do not last.

    Parameters
    ----------
    where
        Host and port.
    device
        Name of this kiosk, from which the client's is made.
    """

    def __init__(self, where: str, device: str) -> None:
        self._where, self._device = where, device
        self._said = ""
        self._since_s: float | None = None
        self._short = 0
        self._refused = False

    def began(self, now: float, dropped: int) -> None:
        """Note that the broker has accepted this client.

        Parameters
        ----------
        now
            Monotonic time in seconds.
        dropped
            Messages that were given up while it was away.
        """
        self._since_s = now
        note = f"; {dropped} messages were dropped" if dropped else ""
        if self._short < _ROW:
            level = logging.WARNING if dropped else logging.INFO
            self._say("up", f"connected to {self._where}{note}", level)

    def lasts(self, now: float) -> None:
        """Note, from time to time, that it is still there."""
        if self._short and self._since_s is not None and now - self._since_s >= _LASTING_S:
            told = self._short < _ROW
            self._short = 0
            if not told:
                self._say("up", f"connected to {self._where}", logging.WARNING)

    def ended(self, now: float) -> float:
        """Note that the connection is gone; return how long to wait before the next, in seconds."""
        since, self._since_s = self._since_s, None
        if since is None:
            if not self._refused:
                self._cut_short()
            self._refused = False
            return RETRY_LOW_S
        self._short = 0 if now - since >= _LASTING_S else self._short + 1
        if self._short < _ROW:
            self._say("lost", "the connection is lost; retrying")
            return RETRY_LOW_S
        self._say(
            "short",
            f"{self._where} ends one connection after the other; expected a name that no other "
            f"client has, received {self._device}; set mqtt.device; retrying less often",
        )
        return min(RETRY_LOW_S * 2.0 ** (self._short - _ROW + 1), RETRY_HIGH_S)

    def refused(self, reason: Any) -> None:
        """Note that the broker does not accept this client."""
        self._refused = True
        self._say("refused", f"{self._where} refuses this client: {reason}; retrying")

    def failed(self, error: BaseException | None) -> None:
        """Note that no connection could be made, because of `error`."""
        if isinstance(error, ssl.SSLCertVerificationError):
            why = f"the broker's certificate is not trusted: {error.verify_message.rstrip('.')}"
            check = _REMEDIES.get(error.verify_code, "check mqtt.ca_file")
            self._say("tls", f"{self._where}: {why}; {check}; retrying")
        elif isinstance(error, ssl.SSLError):
            why = f"no encrypted connection: {error.reason or error.strerror}"
            self._say("tls", f"{self._where}: {why}; check mqtt.tls and mqtt.port; retrying")
        elif isinstance(error, ConnectionResetError):
            self._cut_short()
        else:
            reason = getattr(error, "strerror", None) or "no answer"
            self._say("away", f"{self._where} cannot be reached ({reason}); retrying")

    def _cut_short(self) -> None:
        text = "ends the connection before accepting it; are mqtt.port and mqtt.tls right?"
        self._say("early", f"{self._where} {text}; retrying")

    def _say(self, kind: str, text: str, level: int = logging.WARNING) -> None:
        """Log a change of state, once."""
        if kind != self._said:
            self._said = kind
            _LOGGER.log(level, "mqtt: %s", text)
