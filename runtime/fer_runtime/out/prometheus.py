"""The Prometheus endpoint on loopback (extra ``prometheus``)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from ..errors import ConfigError, OutputError
from ..reading import STATES

_COUNTERS = {
    "captured": ("fer_frames_captured", "Frames received from the source"),
    "processed": ("fer_frames_processed", "Frames analysed"),
    "skipped": ("fer_frames_skipped", "Frames replaced by a newer one before analysis"),
    "readings": ("fer_readings", "Face readings"),
    "csv_rows": ("fer_csv_rows", "Rows written to the CSV log"),
    "csv_dropped": ("fer_csv_rows_dropped", "Rows that could not be written"),
}
_GAUGES = {
    "captured_fps": ("fer_captured_fps", "Frames received per second"),
    "processed_fps": ("fer_processed_fps", "Frames analysed per second"),
    "skipped_fps": ("fer_skipped_fps", "Frames skipped per second"),
    "last_frame_age_s": ("fer_last_frame_age_seconds", "Time since the last analysed frame"),
    "faces": ("fer_faces", "Faces in the last frame"),
    "uptime_s": ("fer_uptime_seconds", "Time since the start of the process"),
}


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
    ConfigError
        If the package prometheus-client is not installed.
    OutputError
        If the port cannot be listened on.
    """

    def __init__(self, port: int) -> None:
        try:
            import prometheus_client
        except ImportError:
            raise ConfigError(
                "status.prometheus_port needs the package prometheus-client, which is not "
                "installed",
                "pip install 'fer-edge[prometheus]'",
            ) from None
        self._status: Mapping[str, Any] = {}
        # A registry of its own: the global one adds figures of the interpreter.
        registry = prometheus_client.CollectorRegistry()
        registry.register(self)
        try:
            app = prometheus_client.make_wsgi_app(registry)
            self._server = make_server("127.0.0.1", port, app, _Server, _Handler)
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

    def collect(self) -> Iterator[Any]:
        """Yield the metrics, as the registry asks for them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        status = self._status
        if not status:
            return
        for key, (name, text) in _COUNTERS.items():
            yield CounterMetricFamily(name, text, value=status[key])
        for key, (name, text) in _GAUGES.items():
            if status[key] is not None:
                yield GaugeMetricFamily(name, text, value=status[key])
        if status["rss_mb"] is not None:
            yield GaugeMetricFamily(
                "fer_memory_bytes", "Resident memory", value=status["rss_mb"] * 1e6
            )
        latency = GaugeMetricFamily(
            "fer_latency_seconds", "Time to analyse a frame", labels=["quantile"]
        )
        for key, value in status["latency_ms"].items():
            latency.add_metric([f"0.{key[1:]}"], value / 1000.0)
        yield latency
        state = GaugeMetricFamily("fer_state", "1 for the present state", labels=["state"])
        for name in STATES:
            state.add_metric([name], float(status["state"] == name))
        yield state
        info = GaugeMetricFamily(
            "fer_info", "Always 1", labels=["version", "model", "interpreter", "source"]
        )
        info.add_metric([status[k] for k in ("version", "model", "interpreter", "source")], 1.0)
        yield info

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)
