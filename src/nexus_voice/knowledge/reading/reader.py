"""Reads documents in a process of its own: whatever a file does there, it does to that process only."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from math import inf
from types import TracebackType
from typing import Any, Self

from anyio import current_time, move_on_after

from ...core.errors import BadInput, EngineError
from ...workers.pool import Workers
from .chunks import Chunk
from .limits import Limits

PARSER = "nexus_voice.knowledge.reading.parsing:Parser"
PIECE = 1_000_000
"""Bytes of a document that are sent at a time."""
IDLE = 60.0
"""Seconds after which a process without work ends."""
NICE = 10
QUEUE = 16
"""Documents that wait for a process; past that, `Busy`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, ready to be kept. `type`: its media type, as its content has it; `pages` is None for a
    type without pages."""

    title: str
    type: str
    pages: int | None
    chunks: list[Chunk]


class Reader:
    """`workers` processes, started when a document comes and ended when none does for a minute.

    Each has `memory` bytes and `seconds` for a document, a low priority, none of our environment and no
    files to write. One that dies or does not stop in time is replaced at once.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        workers: int = 1,
        seconds: float = 120.0,
        memory: int = 1 << 30,
        idle: float = IDLE,
        parser: str = PARSER,
    ) -> None:
        self.limits = limits or Limits()
        self._seconds = seconds
        self._workers = Workers(
            parser, workers, {"limits": asdict(self.limits)}, "reader",
            queue=QUEUE, patience=QUEUE * seconds, nice=NICE, memory=memory, idle=idle,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        await self._workers.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._workers.__aexit__(kind, error, trace)

    async def read(self, name: str, data: bytes, type: str = "") -> Reading:
        """`type` is a media type.

        Raises `BadInput`: what `read.read` raises, `too_slow`, `too_much_memory`, `reader_died`; `Busy`;
        and `EngineError` when no process can be started.
        """
        self.limits.check_size(name, len(data))
        begun = False
        head: list[Any] = []
        found = list[Chunk]()
        try:
            with move_on_after(inf) as scope:
                async with aclosing(self._workers.call("read", _pieces(name, data, type))) as results:
                    async for item in results:
                        if not begun:
                            begun = True
                            scope.deadline = current_time() + self._seconds
                        elif not head:
                            head = item
                        else:
                            found += [Chunk(text, tuple(path), at, page) for text, path, at, page in item]
        except EngineError as error:
            if not begun:
                raise
            raise _died(name) from error
        if scope.cancelled_caught:
            raise _slow(name, self._seconds)
        title, kind, pages = head
        return Reading(title, kind, pages or None, found)


async def _pieces(name: str, data: bytes, type: str) -> AsyncGenerator[Any]:
    yield [name, type]
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


def _died(name: str) -> BadInput:
    return BadInput(
        f"“{name}” could not be read: the reader broke down on it. It is damaged, or takes too much memory. "
        "Save it again in the program that made it, or split it into parts.",
        code="reader_died",
        status=422,
    )


def _slow(name: str, seconds: float) -> BadInput:
    return BadInput(
        f"“{name}” could not be read within {seconds:g} seconds. Split it into parts, or save it in a "
        "simpler form, such as text.",
        code="too_slow",
        status=422,
    )
