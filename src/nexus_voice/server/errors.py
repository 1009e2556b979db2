"""Every HTTP error has one shape, {"error": {"code", "message"}}; below /v1 it has OpenAI's.

An error brings its status and code from where it is raised, as `not_found` in `rag/dependencies.py` does.
"""

from __future__ import annotations

import math
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection

from ..core.errors import Busy, NexusError
from .openai import errors as openai

log = structlog.get_logger()

CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_type"}


def body(path: str, status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """An error's body, in the shape that clients of this path expect."""
    if path.startswith(openai.PREFIX):
        return openai.body(status, code, message, param)
    return {"error": {"code": code, "message": message}}


def answer(
    request: HTTPConnection,
    status: int,
    code: str,
    message: str,
    headers: dict[str, str] | None = None,
    param: str | None = None,
) -> JSONResponse:
    return JSONResponse(body(request.scope["path"], status, code, message, param), status, headers)


def install(app: FastAPI) -> None:
    @app.exception_handler(NexusError)
    async def explained(request: Request, error: NexusError) -> JSONResponse:
        after = math.ceil(getattr(error, "retry_after", 0.0))
        headers = {"retry-after": str(after)} if after else None
        busy = isinstance(error, Busy) and request.url.path.startswith(openai.PREFIX)
        param = getattr(error, "param", None)
        return answer(request, 429 if busy else error.status, error.code, error.message, headers, param)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return answer(request, 400, "bad_json", f"That is not JSON: {first['ctx']['error']}.")
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        status = 400 if request.url.path.startswith(openai.PREFIX) else 422
        message = f"{where}: {first['msg']}" if where else str(first["msg"])
        return answer(request, status, "bad_request", message, param=where or None)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = CODES.get(error.status_code, "bad_request")
        return answer(request, error.status_code, code, str(error.detail))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", path=request.url.path, exc_info=error)
        return answer(request, 500, "internal", "Something went wrong on our side. The log has the details.")
