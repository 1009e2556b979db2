"""Every error of the native HTTP faces in one shape: {"error": {"code", "message"}}."""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ..domain.errors import Busy, NexusError

log = structlog.get_logger()

CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_type"}


def answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def install(app: FastAPI) -> None:
    @app.exception_handler(NexusError)
    async def explained(request: Request, error: NexusError) -> JSONResponse:
        headers = {"retry-after": str(round(error.retry_after))} if isinstance(error, Busy) else None
        return answer(error.status, error.code, error.message, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return answer(400, "bad_json", f"That is not JSON: {first['ctx']['error']}.")
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return answer(422, "bad_request", f"{where}: {first['msg']}" if where else str(first["msg"]))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, CODES.get(error.status_code, "bad_request"), str(error.detail))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", path=request.url.path, exc_info=error)
        return answer(500, "internal", "Something went wrong on our side. The log has the details.")
