"""Reads documents in a process of their own: whatever a file does there, it does to that process only."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from anyio import current_time, move_on_after

from ...core.chat import PageStarts
from ...core.errors import BadInput, EngineError
from ...workers.confinement import Confinement
from ...workers.in_workers import InWorkers
from ...workers.pool import Workers
from ...workers.process import CANCEL_TIMEOUT_S
from .chunks import Chunk, Reading
from .convert import Converter
from .document import Attachment, told
from .kinds import MEDIA_TYPE
from .limits import MAX_ATTACHMENTS, Limits, too_slow

PARSER = "nexus_voice.knowledge.reading.read:Parser"
MEMORY_BYTES = 1_280 << 20
"""Bytes of data that a process may have. To read a page from a picture takes 770 MiB, 285 of them for the
networks."""
PIECE_BYTES = 1_000_000
"""Bytes of a document that are sent at a time."""
IDLE_TIMEOUT_S = 60.0
"""After which a process without work ends."""
NICENESS = 10
MAX_TEXT_RATIO = 2
"""All chunks together may have this multiple of `Limits.text`, because they overlap."""
MAX_QUEUE = 16
"""Documents that may wait for a process; the next one gets `Busy`."""
MAX_INT = (1 << 31) - 1
"""The largest number that the database takes."""

Head = tuple[str, str, int, tuple[str, ...]]
"""Title, media type, number of pages and warnings."""


class Reader(InWorkers):
    """Starts up to `workers` processes when documents come, and ends them when none comes for a minute.

    Each process has `memory` bytes, a low priority and none of our environment, and is confined as far as the
    system allows. It has `seconds` for a document, and again after each page that it reads from a picture, as
    long as the limits allow. A process that dies, misbehaves or does not stop in time is replaced.
    `converter` is LibreOffice's program, which makes newer files of old ones first, in a process of its own.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        workers: int = 1,
        seconds: float = 120.0,
        memory: int = MEMORY_BYTES,
        idle: float = IDLE_TIMEOUT_S,
        parser: str = PARSER,
        cancel_timeout: float = CANCEL_TIMEOUT_S,
        converter: str | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._seconds = seconds
        self._converter = Converter(converter, seconds)
        super().__init__(
            Workers(
                parser, workers, {"limits": asdict(self.limits)}, "reader",
                queue=MAX_QUEUE, patience=MAX_QUEUE * seconds, nice=NICENESS, memory=memory, idle=idle,
                cancel_timeout=cancel_timeout,
            )
        )  # fmt: skip

    async def read(self, name: str, data: bytes, type: str = "") -> Reading:
        """Read a document. `type` is a media type.

        Raises `BadInput`: what `read.read` raises, `too_slow`, `too_much_memory`, `reader_died`; `Busy`;
        and `EngineError` when no process can be started.
        """
        self.limits.check_size(name, len(data))
        data, was = await self._converter.newer(name, data)
        begun, last = False, 0.0
        head: Head | None = None
        found, attached = list[Chunk](), list[tuple[str, str, bytearray]]()
        try:
            with move_on_after(inf) as scope:
                items = self._workers.call("read", _pieces(name, data, type), parse=_Parts(self.limits))
                async with aclosing(items) as results:
                    async for item in results:
                        match item:
                            case None:
                                begun = True
                                scope.deadline = current_time() + self._seconds
                                last = scope.deadline + self.limits.scan_seconds
                            case int():  # a page was read from a picture, which takes some seconds
                                scope.deadline = min(current_time() + self._seconds, last)
                            case list():
                                found += item
                            case Begun(name=file, type=media):
                                attached.append((file, media, bytearray()))
                            case bytes():
                                attached[-1][2].extend(item)
                            case _:
                                head = item
        except EngineError as error:
            if not begun:
                raise
            raise _died(name) from error
        if scope.cancelled_caught:
            raise too_slow(name, self._seconds)
        if head is None:
            raise _died(name)
        title, kind, pages, warnings = head
        files = tuple(Attachment(file, media, bytes(content)) for file, media, content in attached)
        return Reading(title, was or kind, pages or None, found, warnings, files)

    @property
    def confinement(self) -> Confinement | None:
        """What the processes are kept from; None until the first has started."""
        return self._workers.confinement


@dataclass(frozen=True, slots=True)
class Begun:
    """An attachment whose bytes follow."""

    name: str
    type: str


class _Parts:
    """Checks what a reader's process sends, which a hostile document may have taken over: None when it
    begins, then how many pages were read from pictures so far, then (title, media type, pages, warnings),
    then lists of chunks, then what was attached, each with its name first."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._scans = limits, 0
        self._begun = self._headed = False
        self._characters_left = MAX_TEXT_RATIO * limits.text
        self._bytes_left = limits.size
        self._attachments = 0

    def __call__(self, item: Any) -> Head | list[Chunk] | Begun | bytes | int | None:
        match item:
            case None if not self._begun:
                self._begun = True
                return None
            case int() if self._begun and not self._headed and self._scans < item <= self._limits.scans:
                self._scans = item
                return item
            case [str(title), str(kind), int(pages), [*warnings]] if self._begun and not self._headed:
                self._headed = True
                if kind not in MEDIA_TYPE.values():
                    raise ValueError("an unknown media type")
                if tuple(warnings) != told(map(str, warnings)):
                    raise ValueError("no warnings")
                return title, kind, pages, tuple(warnings)
            case ["attachment", str(name), str(type)] if self._headed and name:
                self._attachments += 1
                if self._attachments > MAX_ATTACHMENTS:
                    raise ValueError("more attachments than a mail may have")
                return Begun(name, type)
            case bytes() if self._attachments:
                self._bytes_left -= len(item)
                if self._bytes_left < 0:
                    raise ValueError("more bytes than a mail may have")
                return item
            case [*rows] if self._headed and not self._attachments:
                return [self._chunk(row) for row in rows]
        raise ValueError("out of order")

    def _chunk(self, row: Any) -> Chunk:
        match row:
            case [str(text), [*path], int(start), (int() | None) as page, [*starts]] if all(
                isinstance(name, str) for name in path
            ):
                self._characters_left -= len(text)
                if self._characters_left < 0:
                    raise ValueError("more text than a document may have")
                if not text or not 0 <= start <= MAX_INT or not 0 <= (page or 0) <= MAX_INT:
                    raise ValueError("no place in a document")
                return Chunk(text, tuple(path), start, page, self._page_starts(starts, len(text)))
        raise ValueError("no passage")

    def _page_starts(self, rows: list[Any], length: int) -> PageStarts:
        """Offsets grow from 0 to the text's `length`, and the numbers of the pages grow as well."""
        starts = [(-1, 0)]
        for row in rows:
            match row:
                case [int(offset), int(page)] if starts[-1][0] < offset < length and (
                    starts[-1][1] < page <= MAX_INT and (offset == 0) == (len(starts) == 1)
                ):
                    starts.append((offset, page))
                case _:
                    raise ValueError("no beginning of a page")
        return tuple(starts[1:])


async def _pieces(name: str, data: bytes, type: str) -> AsyncGenerator[Any]:
    yield [name, type]
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]


def _died(name: str) -> BadInput:
    return BadInput(
        f"“{name}” could not be read: the reader broke down on it. It is damaged, or takes too much memory. "
        "Save it again in the program that made it, or split it into parts.",
        code="reader_died",
        status=422,
    )
