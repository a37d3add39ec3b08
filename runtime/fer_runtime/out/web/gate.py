"""Who is answered: the check of Host and Origin before every route, and headers after it."""

from __future__ import annotations

import logging
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .address import host_is_ours, normal_origin

_LOGGER = logging.getLogger(__name__)

_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "vary": "Origin",
    "x-content-type-options": "nosniff",
}
_ELSEWHERE: Final = ("cross-site", "same-site")


class Gate:
    """Answers 403 to whoever is foreign, 413 to a body, and hands the rest to `app`.

    Parameters
    ----------
    app
        The routes.
    origins
        Origins beside the server's own, see `address.parse_origins`.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self._app, self._origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        origin = headers.get("origin")
        allowed = origin if refusal is None and origin is not None else None
        began = False

        async def send_on(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
                if allowed is not None:
                    out["access-control-allow-origin"] = allowed
            await send(message)

        app: ASGIApp = self._app
        if refusal is not None:
            app = PlainTextResponse(refusal + "\n", 403)
        elif headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            # No route takes anything; the rest of it would be read for as long as it comes.
            app = PlainTextResponse(
                "expected a request without a body\n", 413, {"connection": "close"}
            )
        elif scope["method"] == "OPTIONS":
            app = _preflight(headers)
        try:
            await app(scope, receive, send_on)
        except Exception as error:
            _LOGGER.error("web: %r: %s: %s", scope["path"], type(error).__name__, error)
            if not began:
                await PlainTextResponse("internal error\n", 500)(scope, receive, send_on)

    def _refusal(self, scope: Scope, headers: Headers) -> str | None:
        """Return why a request is refused; None where it is not."""
        hosts = headers.getlist("host")
        local = (scope.get("server") or ("",))[0]
        if len(hosts) != 1 or not host_is_ours(hosts[0], local, self._origins):
            return "foreign Host; web.origins names further ones"
        origins = headers.getlist("origin")
        if origins:
            origin = normal_origin(origins[0]) if len(origins) == 1 else None
            if origin is None or origin not in self._origins | {
                normal_origin(f"http://{hosts[0]}")
            }:
                return "foreign Origin; web.origins allows further ones"
        elif (
            # A page of elsewhere that embeds us as a script or a picture sends no Origin.
            headers.get("sec-fetch-site") in _ELSEWHERE
            and headers.get("sec-fetch-mode") != "navigate"
        ):
            return "a page of another origin; it must ask with CORS"
        return None


def _preflight(headers: Headers) -> Response:
    """Answer a browser that asks whether an allowed page may ask."""
    out: dict[str, Any] = {
        "access-control-allow-methods": "GET, HEAD",
        "access-control-allow-headers": "cache-control, last-event-id",
        "access-control-max-age": "600",
    }
    if headers.get("access-control-request-private-network") == "true":
        out["access-control-allow-private-network"] = "true"
    return Response(status_code=204, headers=out)
