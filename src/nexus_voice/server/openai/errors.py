"""Errors in OpenAI's shape."""

from __future__ import annotations

from typing import Any

from ...core.errors import BadInput

PREFIX = "/v1/"
"""Paths whose clients expect OpenAI's formats."""
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class Invalid(BadInput):
    """A request that cannot be served; `param` is the field to blame."""

    def __init__(self, message: str, param: str, *, code: str = "invalid_value", status: int = 400) -> None:
        super().__init__(message, code=code, status=status)
        self.param = param


def body(status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """{"error": {"message", "type", "param", "code"}}."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
