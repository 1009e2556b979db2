"""Which web pages may use this server: its own, and those of the configured origins.

A server on 127.0.0.1 can be reached by every page that its user visits. CORS guards neither WebSockets
nor plain form posts, so both are checked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import answer

HARMLESS = ("GET", "HEAD", "OPTIONS")


def allowed(connection: HTTPConnection, origins: Sequence[str]) -> bool:
    """A browser says where its page came from; whoever says nothing is no browser."""
    origin = connection.headers.get("origin")
    if origin is None or origin in origins:
        return True
    return urlsplit(origin).netloc == connection.headers.get("host")


class OwnOrigin:
    """Refuses requests that change something and come from a foreign page, with 403."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        foreign = (
            scope["type"] == "http"
            and scope["method"] not in HARMLESS
            and not allowed(HTTPConnection(scope), self._origins)
        )
        if foreign:
            response = answer(403, "foreign_origin", "This web page may not use this server.")
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)
