"""What runs in the reader's processes: bytes -> passages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .chunks import Chunk, cut
from .kinds import MEDIA_TYPE
from .limits import Limits, excess
from .read import read_as

BATCH_CHARACTERS = 20_000
"""Characters of text after which an item is sent: far below what a worker may send in one frame."""
MAX_HEADING = 300
"""Characters of a heading in a passage's path: each passage carries all of those above it."""


class Parser:
    """`limits` are the fields of `Limits`."""

    def __init__(self, limits: dict[str, int]) -> None:
        self._limits = Limits(**limits)

    def read(self, items: Iterator[Any], emit: Callable[[Any], None]) -> None:
        """Items: (name, media type or None), then the file in pieces. Emits None when it begins, then
        [title, media type, pages], then lists of [text, path, start, page]."""
        emit(None)
        name, type = next(items)
        try:
            kind, document = read_as(name, b"".join(items), type, self._limits)
            emit([document.title, MEDIA_TYPE[kind], len(document.pages)])
            for batch in _batches(cut(document)):
                emit(batch)
        except MemoryError:
            raise excess(name, "takes too much memory to read", "too_much_memory") from None


def _batches(chunks: Iterator[Chunk]) -> Iterator[list[Any]]:
    batch, length = list[Any](), 0
    for one in chunks:
        batch.append([one.text, [name[:MAX_HEADING] for name in one.path], one.start, one.page])
        length += len(one.text)
        if length >= BATCH_CHARACTERS:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch
