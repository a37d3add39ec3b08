"""The stream of Server-Sent Events: one coroutine for each client, in the server's thread."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from .hub import Behind, Hub

STREAMS: Final = 40
"""Most clients at once; who comes then gets 503."""
RETRY_MS: Final = 2000
"""A browser that has lost the stream comes again after so long."""
HEARTBEAT_S: Final = 15.0
"""A comment line so often, so that what lies between does not take the connection for dead."""
STALL_S: Final = 10.0
"""A client that takes nothing for so long is dropped."""


class Streams:
    """Serves ``/events``.

    Parameters
    ----------
    hub
        Where events come from.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._clients: set[asyncio.Event] = set()
        self._ending = False
        self.stall_s, self.heartbeat_s = STALL_S, HEARTBEAT_S

    @property
    def count(self) -> int:
        """How many clients there are."""
        return len(self._clients)

    def wake(self) -> None:
        """Tell all clients that there is something new; in the server's thread."""
        for news in self._clients:
            news.set()

    def end(self) -> None:
        """End all streams after what they have not had yet; in the server's thread."""
        self._ending = True
        self.wake()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client until it goes, is dropped, or the end comes."""
        if self.count >= STREAMS:
            busy = PlainTextResponse(f"expected at most {STREAMS} streams\n", 503)
            busy.headers["retry-after"] = "10"
            await busy(scope, receive, send)
            return
        news = asyncio.Event()
        self._clients.add(news)
        gone = asyncio.ensure_future(_until_gone(receive, news))
        try:
            await self._serve(scope, send, news, gone)
        finally:
            self._clients.discard(news)
            gone.cancel()

    async def _serve(
        self, scope: Scope, send: Send, news: asyncio.Event, gone: asyncio.Future[None]
    ) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        data, number = self._hub.first(_last_event_id(scope))
        data = f"retry: {RETRY_MS}\n\n".encode() + data
        loop = asyncio.get_running_loop()
        while not gone.done():
            ending = self._ending
            await self._tell(scope, send, data, more=not ending)
            if ending:
                return
            # Woken by nothing new it sends a comment.
            heartbeat = loop.call_later(self.heartbeat_s, news.set)
            await news.wait()
            heartbeat.cancel()
            news.clear()
            try:
                data, number = self._hub.since(number)
            except Behind:
                drop(scope["state"]["transport"])
                return
            data = data or b":\n\n"

    async def _tell(self, scope: Scope, send: Send, data: bytes, *, more: bool) -> None:
        """Send `data`; a client that does not take it in time loses its connection."""
        message = {"type": "http.response.body", "body": data, "more_body": more}
        transport = scope["state"]["transport"]
        if not transport.get_write_buffer_size():
            await send(message)  # it has taken all there was, and `send` will not wait
            return
        # `send` returns at once while the connection's small buffer has room, and waits then.
        timer = asyncio.get_running_loop().call_later(self.stall_s, drop, transport)
        try:
            await send(message)
        finally:
            timer.cancel()


async def _until_gone(receive: Receive, news: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    news.set()


def drop(transport: Any) -> None:
    """Close a connection and throw away what it has not taken."""
    # Reset, not closed: the system too would keep what is owed for minutes.
    reset = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    transport.abort()


def _last_event_id(scope: Scope) -> int | None:
    value = Headers(scope=scope).get("last-event-id", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
