"""Errors that we can explain: a stable code for programs, a message that tells people what to do."""

from __future__ import annotations


class NexusError(Exception):
    """Base of all errors that we can explain. `code` never changes; `status` is that of an HTTP response."""

    code = "internal"
    status = 500

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status


class BadInput(NexusError):
    """The client's input is wrong. Nothing was done."""

    code = "bad_input"
    status = 400


class EngineError(NexusError):
    """An engine failed. `retryable`: the same call may succeed later, after `retry_after` seconds if that is
    known (0: it is not)."""

    code = "engine_failed"
    status = 502

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.retryable = retryable
        self.retry_after = retry_after


class Busy(NexusError):
    """The server is at its limit. The client may try again after `retry_after` seconds."""

    code = "busy"
    status = 503

    def __init__(self, message: str, *, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
