"""Helpers of the fallback chain: audio that can be heard again, and the time to a first result."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

import anyio

from ...core.audio import Pcm
from ...core.errors import EngineError

T = TypeVar("T")


class Recording:
    """An utterance as it arrives, kept so that a second recogniser can hear it from its beginning.

    As long as the utterance: two megabytes a minute. One listener at a time.
    """

    def __init__(self, audio: AsyncIterator[Pcm]) -> None:
        self._audio = audio
        self._kept: list[Pcm] = []
        self._ended = False
        self._told: Callable[[], None] = lambda: None

    def when_ended(self, tell: Callable[[], None]) -> None:
        """Call `tell` once there is no more audio; in place of what was to be called before."""
        self._told = tell
        if self._ended:
            tell()

    async def replay(self) -> AsyncGenerator[Pcm]:
        heard = 0
        while True:
            while heard < len(self._kept):
                heard += 1
                yield self._kept[heard - 1]
            if self._ended:
                return
            pcm = await anext(self._audio, None)
            if pcm is not None:
                self._kept.append(pcm)
            elif not self._ended:
                self._ended = True
                self._told()


class Limit:
    """At most `seconds` (0: any time) from `start` on."""

    code = "late"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._scope = anyio.CancelScope()
        self._deadline = float("inf")

    def start(self) -> None:
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
