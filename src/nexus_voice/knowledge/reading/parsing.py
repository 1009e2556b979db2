"""What runs in the reader's processes: bytes -> passages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from .chunks import cut
from .kinds import MEDIA_TYPE
from .limits import Limits, excess
from .read import read_as

BATCH = 200
"""Passages in one item."""


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
            found = ([one.text, one.path, one.start, one.page] for one in cut(document))
            while batch := list(islice(found, BATCH)):
                emit(batch)
        except MemoryError:
            raise excess(name, "takes too much memory to read", "too_much_memory") from None
