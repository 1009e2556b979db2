"""Audio that a second recogniser can hear again, and a timeout for the first result of a call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from math import inf
from typing import TypeVar

import anyio

from ...core.audio import Pcm
from ...core.errors import EngineError

T = TypeVar("T")


class Recording:
    """An utterance as it arrives, kept so that another recogniser can hear it from its beginning.

    It grows with the utterance: two megabytes a minute. One reader at a time.
    """

    def __init__(self, audio: AsyncIterator[Pcm]) -> None:
        self._audio = audio
        self._kept: list[Pcm] = []
        self._ended = False
        self._on_end: Callable[[], None] = lambda: None

    def when_ended(self, call: Callable[[], None]) -> None:
        """Call `call` once there is no more audio, instead of what was given before."""
        self._on_end = call
        if self._ended:
            call()

    async def replay(self) -> AsyncGenerator[Pcm]:
        """The utterance from its beginning, and then as it arrives."""
        position = 0
        while True:
            while position < len(self._kept):
                position += 1
                yield self._kept[position - 1]
            if self._ended:
                return
            pcm = await anext(self._audio, None)
            if pcm is not None:
                self._kept.append(pcm)
            elif not self._ended:
                self._ended = True
                self._on_end()


class ResultTimeout:
    """At most `seconds` from `start` on; 0 for any time."""

    code = "late"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._scope = anyio.CancelScope()
        self._deadline = inf

    def start(self) -> None:
        """May be called while `next` waits."""
        if self._seconds:
            self._deadline = self._scope.deadline = anyio.current_time() + self._seconds

    async def next(self, items: AsyncIterator[T]) -> T | None:
        """The next item, or None at the end. Raises `EngineError` when the time is up."""
        if not self._seconds:
            return await anext(items, None)
        with anyio.CancelScope(deadline=self._deadline) as self._scope:
            return await anext(items, None)
        raise EngineError(
            f"Nothing came within {self._seconds:g} s.", code=self.code, status=504, retryable=True
        )
