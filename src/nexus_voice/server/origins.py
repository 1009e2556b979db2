"""Which web pages may use this server: its own, and those of the configured origins.

A server on 127.0.0.1 can be reached by every page that its user visits. CORS guards neither WebSockets
nor plain form posts, so both are checked here. So is the name by which we are called: a stranger's
domain may be made to point at this machine (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import answer

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""


def allowed(connection: HTTPConnection, origins: Sequence[str]) -> bool:
    """Whether the web page that sends this may use the server. A client without `Origin` is no browser."""
    origin = connection.headers.get("origin")
    if origin is None or origin in origins:
        return True
    host = connection.headers.get("host")
    return bool(host) and authority(origin) == host


def authority(url: str) -> str | None:
    """Host and port of a URL, or None when it is no URL."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None


def called_by_our_name(connection: HTTPConnection, origins: Sequence[str]) -> bool:
    """Whether `Host` is an IP address, a name of the local network, or that of a configured origin."""
    host = connection.headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if "." not in name or name.endswith((".local", ".localhost")):
        return True
    try:
        ip_address(name)
    except ValueError:
        return any(authority(origin) == host for origin in origins)
    return True


class OwnOrigin:
    """ASGI middleware: refuses with 403 a foreign page that opens a WebSocket or wants to change something,
    and every request that calls us by a foreign name."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        caller = HTTPConnection(scope)
        if not called_by_our_name(caller, self._origins):
            if kind == "websocket":
                return await send({"type": "websocket.close", "code": 1008})
            advice = "This server does not go by that name. List its address in NEXUS_SERVER__ORIGINS."
            return await answer(caller, 403, "foreign_host", advice)(scope, receive, send)
        if scope.get("method") not in SAFE_METHODS and not allowed(caller, self._origins):
            if kind == "websocket":
                return await send({"type": "websocket.close", "code": 1008})
            refusal = answer(caller, 403, "foreign_origin", "This web page may not use this server.")
            return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)
