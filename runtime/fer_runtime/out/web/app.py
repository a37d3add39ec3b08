"""The routes of the web interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from ...reading import LOST
from ..metrics.exposition import exposition
from ..metrics.text import CONTENT_TYPE
from ..schema import NAMES, schema
from .gate import Gate
from .history import History
from .hub import Hub, to_json
from .page import Page
from .streams import Streams


def make_app(
    hub: Hub,
    history: History,
    streams: Streams,
    origins: frozenset[str],
    clock: Callable[[], float],
) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    hub, history, streams
        What is known, what was, and who is told of it.
    origins
        Origins beside the server's own, see `address.parse_origins`.
    clock
        Monotonic seconds, the clock that `history` is filled by.
    """
    page = Page()

    async def show_page(_: Request) -> Response:
        return HTMLResponse(page.html, headers={"content-security-policy": page.policy})

    async def now(_: Request) -> Response:
        return _json(hub.moment.to_dict())

    async def ten_minutes(_: Request) -> Response:
        return _json(history.to_dict(clock()))

    async def health(_: Request) -> Response:
        state = hub.moment.state
        record: dict[str, Any] = {"state": state}
        if state in LOST and hub.status.get("state") == state:
            record["reason"] = hub.status["reason"]
        return _json(record, 200 if state in ("running", "idle") else 503)

    async def metrics(_: Request) -> Response:
        return Response(exposition(hub.status), headers={"content-type": CONTENT_TYPE})

    async def schemas(request: Request) -> Response:
        name = request.path_params.get("name")
        if name is None:
            return _json({name: schema(name) for name in NAMES})
        if name not in NAMES:
            return _json({"error": f"expected one of {', '.join(NAMES)}"}, 404)
        return JSONResponse(schema(name), media_type="application/schema+json")

    # Class-based ASGI applications are called as they are, without a Request made for them.
    routes: list[BaseRoute] = [
        Route("/", show_page),
        Route("/events", streams, methods=["GET"]),
        Route("/now", now),
        Route("/history", ten_minutes),
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/schema", schemas),
        Route("/schema/{name}.json", schemas),
    ]
    return Gate(Starlette(routes=routes), origins)


def _json(record: dict[str, Any], code: int = 200) -> Response:
    return Response(to_json(record), code, media_type="application/json")
