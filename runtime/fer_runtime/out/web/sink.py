"""The web sink (extra ``web``): the live result at an address, on loopback unless told.

What is served is described in docs/web.md. No route has a picture, and none takes anything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ...errors import ConfigError
from ...reading import LOST, Moment, Record, Visit
from ...settings.out import WebSettings
from ...settings.schema import Settings
from ..sink import Sink
from .address import parse_listen, parse_origins
from .history import History
from .hub import Hub
from .pace import Pace

_LOGGER = logging.getLogger(__name__)


class WebSink(Sink):
    """Keeps what clients may ask for, and wakes those that listen.

    Parameters
    ----------
    settings
        ``settings.listen`` must not be empty.
    device, run
        Name of the kiosk, and of this run of the program.
    clock, wall_clock
        Monotonic seconds, and aware local time.

    Raises
    ------
    ConfigError
        If ``web.listen`` or ``web.origins`` cannot be used.
    """

    def __init__(
        self,
        settings: WebSettings,
        device: str,
        run: str,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self.address = parse_listen(settings.listen)
        self._origins = parse_origins(settings.origins)
        self._clock = clock
        self.hub = Hub(Moment(device, run, wall_clock(), 0.0, None, "starting", None, None, ()))
        self._history = History()
        self._pace = Pace(settings.rate_hz)
        self._make: Callable[[], Any] | None = None
        self._server: Any = None
        self._why = ""
        """Why nothing is listened on; empty where it has not been said."""

    @property
    def clients(self) -> int:
        """How many listen to events."""
        return self._server.clients if self._server is not None else 0

    def open(self) -> None:
        """Begin to listen; an address that is taken is told, and tried again at each status.

        Raises
        ------
        ConfigError
            If the extra is not installed.
        """
        self._make = self.load()
        self._listen()

    def load(self) -> Callable[[], Any]:
        """Return what makes the server and listens; ConfigError without the extra."""
        try:
            from .app import make_app
            from .server import Server
            from .streams import Streams
        except ImportError:
            raise ConfigError(
                "web.listen needs the packages starlette and uvicorn, which are not installed",
                "pip install 'fer-edge[web]'",
            ) from None

        def make() -> Server:
            streams = Streams(self.hub)
            app = make_app(self.hub, self._history, streams, self._origins, self._clock)
            return Server(app, streams, self.address)

        return make

    def record(self, record: Record) -> None:
        """Take a moment, an event of a visit, or a minute."""
        if isinstance(record, Moment):
            now = self._clock()
            self.hub.moment = record
            if record.state not in LOST:
                self._history.add(record, now)
            if not self._pace.due(record, now):
                return
            self._put("moment", record)
        else:
            self._put("visit" if isinstance(record, Visit) else "minute", record)

    def reload(self, settings: Settings) -> None:
        """Take over ``web.rate_hz``."""
        self._pace.rate_hz = settings.web.rate_hz

    def announce(self, status: Mapping[str, Any]) -> None:
        """Serve `status` from now on."""
        self.hub.status = status
        self._put("status", status)
        if self._server is not None and not self._server.serves:
            self._server = None
            _LOGGER.warning("web: the server has ended; begun again")
        if self._server is None and self._make is not None:
            self._listen()

    def close(self) -> None:
        """Tell clients the last of it and stop listening."""
        server, self._server, self._make = self._server, None, None
        if server is not None:
            server.close()

    def _put(self, kind: str, record: Record | Mapping[str, Any]) -> None:
        self.hub.put(kind, record)
        server = self._server
        if server is not None:
            server.wake()

    def _listen(self) -> None:
        from .server import why_not

        assert self._make is not None
        try:
            self._server = self._make()
        except OSError as error:
            why = why_not(error)
            if why != self._why:
                _LOGGER.warning("web: %s cannot be listened on: %s", self.address.url, why)
            self._why = why
            return
        self._why = ""
        _LOGGER.info("web: listening at %s", self.address.url)
        if not self.address.loopback:
            _LOGGER.warning(
                "web: %s is open to the network, unencrypted and without a password; "
                "127.0.0.1 keeps it to this machine", self.address.url,
            )  # fmt: skip
