"""Logs with a request id in every line and no secrets: JSON for machines, colours for people."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..core import events

log = structlog.get_logger()

REDACTED = "[redacted]"
SECRET_KEY = re.compile(r"(?:^|[_-])(?:token|api_?key|authorization|password|secret|cookie)$", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"(\bbearer\s+|\b(?:token|api[_-]?key|authorization|password|secret)[\"']?\s*[=:]\s*[\"']?(?:bearer\s+)?)"
    r"[^\s\"'&,;}]+",
    re.IGNORECASE,
)
"""`Bearer abc`, `token=abc`, `"api_key": "abc"` inside a message or a traceback."""
VALID_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""The form of a client's request id that may go into our logs."""
PROBE_PATHS = {"/healthz", "/readyz", "/metrics"}
"""Paths that monitoring asks for all day; they are logged at debug level."""


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that hides secrets: values by their name, and parts of texts by their form."""
    for key, value in event.items():
        event[key] = hidden(key, value)
    return event


def hidden(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return REDACTED if value and SECRET_KEY.search(key) else SECRET_TEXT.sub(rf"\1{REDACTED}", value)
    if isinstance(value, dict):
        return {inner: hidden(str(inner), one) for inner, one in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(key, one) for one in value]
    if isinstance(value, bool | int | float) or value is None:
        return value  # `max_tokens: 250` is no secret
    return REDACTED if SECRET_KEY.search(key) else value


def configure(level: str = "info", as_json: bool | None = None, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's (uvicorn's) records to `stream`, standard error."""
    stream = stream or sys.stderr
    if as_json is None:
        as_json = not stream.isatty()
    least = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(least)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in ("httpx", "httpcore", "websockets", "faiss", "alembic"):  # chatty at info
        logging.getLogger(name).setLevel(max(least, logging.WARNING))


def follow(session: str = "", event: object = None) -> None:
    """Add the session, or the turn that `event` begins, to what this task and its children log."""
    if session:
        structlog.contextvars.bind_contextvars(session=session)
    if isinstance(event, events.Final) and event.turn:
        structlog.contextvars.bind_contextvars(turn=event.turn)


class RequestIds:
    """ASGI middleware: an id for every request and connection, in its logs and in `x-request-id`.

    Costs nothing per WebSocket message: only the handshake's answer is touched.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request = given if VALID_ID.fullmatch(given) else secrets.token_hex(8)
        status = 0

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                status = message.get("status", 101)
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request.encode())]
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request=request):
            try:
                # A WebSocket sends thousands of frames, which must not pass through another function of ours.
                await self._app(scope, receive, tagged if scope["type"] == "http" else _first(tagged, send))
            finally:
                record(scope, status, time.perf_counter() - began)


def _first(tagged: Send, plain: Send) -> Send:
    """Send the first message through `tagged`, and all others through `plain`."""
    use = tagged

    async def send(message: Message) -> None:
        nonlocal use
        now, use = use, plain
        await now(message)

    return send


def record(scope: Scope, status: int, seconds: float) -> None:
    """The access log. The query stays out of it: it may hold a secret."""
    write = log.debug if scope["path"] in PROBE_PATHS else log.info
    method = scope.get("method", "WS")
    write("request", method=method, path=scope["path"], status=status, ms=round(seconds * 1e3, 1))
