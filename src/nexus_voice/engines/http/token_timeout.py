"""Bounds the waits for a language model's answer: for its first token, and for each further one."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import anyio

from .errors import ServiceErrors

T = TypeVar("T")


class TokenTimeout:
    """Starts when it is made; times are in seconds. Call `progressed` once the listener has taken a token, so
    that the time that the listener takes is not counted."""

    def __init__(self, errors: ServiceErrors, first_token: float, between_tokens: float) -> None:
        self._errors, self._between = errors, between_tokens
        self._limit, self._setting = first_token, "FIRST_TOKEN"
        self._deadline = anyio.current_time() + first_token

    async def wait(self, work: Awaitable[T]) -> T:
        """The result of `work`. Raises `EngineError` at the deadline."""
        with anyio.CancelScope(deadline=self._deadline):  # never around a yield
            return await work
        hint = f"Use a smaller model, or raise NEXUS_LLM__{self._setting}."
        raise self._errors.timed_out(self._limit, hint)

    def progressed(self) -> None:
        """Start the wait for the next token."""
        self._limit, self._setting = self._between, "BETWEEN_TOKENS"
        self._deadline = anyio.current_time() + self._limit
