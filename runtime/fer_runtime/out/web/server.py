"""The HTTP server in a thread of its own, with bounds on what a connection may cost."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from .address import Address
from .streams import STALL_S, Streams, drop

_LOGGER = logging.getLogger(__name__)

CONNECTIONS: Final = 64
"""Most connections at once; a further one is closed. The process has 1024 files in all."""
REQUEST_S: Final = 5.0
"""A connection without a whole request for so long is closed."""
_HEADERS_BYTES: Final = 16_384
_BUFFER_BYTES: Final = 32_768
"""Bytes that a connection may owe its client, in the process and again in the system."""
_STOP_S: Final = 0.5


class Connection(H11Protocol):
    """One connection, which is not kept for who asks nothing."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or hang up where there are too many."""
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        # For the stream, which must be able to throw a client out.
        self.app_state = {**self.app_state, "transport": transport}
        transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request, or hang up."""
        try:
            super().data_received(data)
        except Exception:
            # uvicorn answers 400 to what is no request, also where an answer is under way.
            self.transport.abort()
        else:
            self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        for timer in (self._deadline, self._stall):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """Give a client that owes us a reading some time, or hang up.

        An answer under way has no deadline, and waits here: who asks for much and reads nothing
        would have the connection for ever.
        """
        super().pause_writing()
        self._stall = self.loop.call_later(STALL_S, drop, self.transport)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()

    def _watch(self) -> None:
        """Set the deadline of the next request, or take it back while one is served."""
        if self.cycle is not None and not self.cycle.response_complete:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_S, self.transport.abort)


class Server:
    """Serves an application at an address.

    Parameters
    ----------
    app
        The application.
    streams
        Its streams, to be woken and ended.
    address
        Where to listen.

    Raises
    ------
    OSError
        If the address cannot be listened on, or the system has no thread left.
    """

    def __init__(self, app: ASGIApp, streams: Streams, address: Address) -> None:
        self._streams = streams
        self._socket = _listen(address)
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            # Its messages are about clients; what is ours is told by the gate.
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=int(REQUEST_S),
            h11_max_incomplete_event_size=_HEADERS_BYTES,
        )
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no thread left: no reason to stop reading faces
            self._socket.close()
            raise OSError(errno.EAGAIN, str(error)) from None

    @property
    def clients(self) -> int:
        """How many streams there are."""
        return self._streams.count

    @property
    def serves(self) -> bool:
        """Whether its thread is alive: whatever ended it, another server must be made."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Have the streams look for news; from any thread, and cheap without a client."""
        if self._streams.count:
            self._call(self._streams.wake)

    def close(self) -> None:
        """Send what streams have not had, then let go, within half a second."""
        self._call(self._streams.end)
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(_STOP_S)

    def _call(self, function: Any) -> None:
        loop = self._loop
        try:
            if loop is not None:
                loop.call_soon_threadsafe(function)
        except RuntimeError:  # it has ended
            return

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            _LOGGER.error("web: the server has ended: %s: %s", type(error).__name__, error)
        finally:
            self._socket.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_note)
        await self._server.serve(sockets=[self._socket])


def _note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what goes wrong with one connection for developers only: a client may provoke it."""
    _LOGGER.debug("web: %s: %r", context.get("message"), context.get("exception"))


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR shares a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Connections have it from here.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        listener.bind((address.host, address.port))
        listener.listen(16)
    except OSError:
        listener.close()
        raise
    return listener


def why_not(error: OSError) -> str:
    """Say why an address cannot be listened on, and what to do."""
    remedy = {
        errno.EADDRINUSE: "another program has the port; stop it, or set web.listen",
        errno.EADDRNOTAVAIL: "it is not an address of this machine; set web.listen",
        errno.EACCES: "ports under 1024 are the system's; set web.listen",
        errno.EAGAIN: "raise the limit: ulimit -u, of a service TasksMax=",
        errno.EAFNOSUPPORT: "the service has no network; sudo fer-runtime setup --network",
    }.get(error.errno or 0, "set web.listen")
    return f"{error.strerror} ({remedy})"
