"""Errors with a stable code and a message that tells the user what to do."""

from __future__ import annotations


class NexusError(Exception):
    """Anything we can explain. `code` is stable; `status` is the HTTP face's."""

    code = "internal"
    status = 500

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status


class BadInput(NexusError):
    """The client's input is wrong; nothing was done."""

    code = "bad_input"
    status = 400


class EngineError(NexusError):
    """An engine could not do its work; `retryable` when the same call may succeed later, in
    `retry_after` seconds if the engine said when."""

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
    """Full: come back in `retry_after` seconds."""

    code = "busy"
    status = 503

    def __init__(self, message: str, *, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
