"""The Prometheus endpoint on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from ..errors import OutputError
from .metrics.exposition import exposition
from .metrics.text import CONTENT_TYPE

_IDLE_S: Final = 5.0
"""A connection that says nothing for so long is closed."""
_CONNECTIONS: Final = 8
"""So many at once; Prometheus has one."""


class _Handler(WSGIRequestHandler):
    timeout = _IDLE_S

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection, within bounds."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, or hang up where there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread left
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:  # type: ignore[override]
        """Serve it and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, *_: Any) -> None:
        """Take no notice of a client that has gone."""


class Endpoint:
    """Serves the newest status at ``http://127.0.0.1:<port>/metrics``.

    Parameters
    ----------
    port
        TCP port on loopback.

    Raises
    ------
    OutputError
        If the port cannot be listened on.
    """

    def __init__(self, port: int) -> None:
        self._status: Mapping[str, Any] = {}
        try:
            self._server = make_server("127.0.0.1", port, self._answer, _Server, _Handler)
        except OSError as error:
            raise OutputError(
                f"status.prometheus_port {port}: cannot be listened on: {error.strerror}",
                "choose a free port, or stop what holds it",
            ) from None

        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics", daemon=True
        )
        self._thread.start()

    def update(self, status: Mapping[str, Any]) -> None:
        """Serve `status` from now on."""
        self._status = status

    def _answer(self, environ: Mapping[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", CONTENT_TYPE)])
        return [exposition(self._status).encode()]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)
