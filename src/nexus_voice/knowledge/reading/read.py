"""Reads a file's bytes as a document: here, or in a process of the `Reader`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...core.errors import NexusError
from . import kinds, text
from .chunks import Chunk, Reading, chunks, cut
from .document import Block, Document, chosen_title, lay_out, title_of_name
from .kinds import MEDIA_TYPE, Kind
from .limits import Limits, broken, empty, too_much

LIMITS = Limits()
BATCH_CHARS = 20_000
"""A reader's process sends its chunks when they have so much text: far below what fits into one frame."""
MAX_HEADING_CHARS = 300
"""Of a heading in a chunk's path: every chunk carries all the headings above it."""

log = logging.getLogger(__name__)


def read(name: str, data: bytes, type: str | None = None, limits: Limits = LIMITS) -> Document:
    """Read a document. `type` is a media type.

    Raises `BadInput`: `too_large`, `unsupported_type`, `encrypted_document`, `broken_document`,
    `archive_bomb`, `too_many_pages`, `too_much_text`, `empty_document`.
    """
    return read_as(name, data, type, limits)[1]


def read_as(name: str, data: bytes, type: str | None, limits: Limits) -> tuple[Kind, Document]:
    """Like `read`, with the kind of file that it is."""
    limits.check_size(name, len(data))
    try:
        kind = kinds.kind(name, data, type)
        return kind, _document(name, data, kind, limits)
    except (NexusError, MemoryError):
        raise
    except Exception as error:  # a library may raise anything on a damaged file
        log.warning("%s: %s", error.__class__.__name__, str(error)[:200])
        raise broken(name) from error


def read_here(name: str, data: bytes, type: str, limits: Limits) -> Reading:
    """Read a trusted file in this process. It may take long, so it is called in a thread."""
    kind, document = read_as(name, data, type, limits)
    return Reading(document.title, MEDIA_TYPE[kind], len(document.pages) or None, chunks(document))


class Parser:
    """What runs in a process of the `Reader`. `limits` are the fields of `Limits`."""

    def __init__(self, limits: dict[str, int]) -> None:
        self._limits = Limits(**limits)

    def read(self, items: Iterator[Any], emit: Callable[[Any], None]) -> None:
        """Items are (name, media type or None), then the file in pieces. Emits None when it begins, then
        [title, media type, number of pages], then lists of chunks as [text, path, start, page]."""
        emit(None)
        name, type = next(items)
        try:
            kind, document = read_as(name, b"".join(items), type, self._limits)
            emit([document.title, MEDIA_TYPE[kind], len(document.pages)])
            for batch in _batches(cut(document)):
                emit(batch)
        except MemoryError:
            raise too_much(name, "takes too much memory to read", "too_much_memory") from None


def _batches(chunks: Iterator[Chunk]) -> Iterator[list[Any]]:
    batch, length = list[Any](), 0
    for one in chunks:
        batch.append([one.text, [name[:MAX_HEADING_CHARS] for name in one.path], one.start, one.page])
        length += len(one.text)
        if length >= BATCH_CHARS:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _document(name: str, data: bytes, kind: Kind, limits: Limits) -> Document:
    pages = 0
    blocks: Iterable[Block]
    match kind:  # libraries are imported when they are needed, because some take long
        case "pdf":
            from . import pdf

            title, blocks, pages = pdf.read(name, data, limits)
            title = title or title_of_name(name)
            if not blocks:
                raise empty(name, pdf.SCANNED)
        case "docx":
            from . import office

            title, blocks = office.word(name, data, limits)
        case "pptx":
            from . import office

            title, blocks, pages = office.slides(name, data, limits)
            title = chosen_title(title) or next((one.text for one in blocks if one.level), "")
        case "xlsx" | "xls":
            from . import sheets

            title, blocks = sheets.excel(name, data, limits)
        case "epub":
            from . import books

            title, blocks = books.epub(name, data, limits)
        case "email":
            from . import mail

            title, blocks = mail.message(data)
        case _:
            title, blocks = _textual(name, data, kind)
    kept = list(_limited(name, blocks, limits))
    title = (
        chosen_title(title) or next((one.text for one in kept if one.level == 1), "") or title_of_name(name)
    )
    document = lay_out(title, kept, pages)
    if not document.sections:
        raise empty(name)
    return document


def _textual(name: str, data: bytes, kind: Kind) -> tuple[str, Iterable[Block]]:
    decoded = text.decode(data)
    if decoded is None:
        raise kinds.unsupported(name, "binary data")
    match kind:
        case "html":
            from . import html

            return html.read(decoded)
        case "markdown":
            return text.markdown(decoded)
        case "csv":
            from . import sheets

            return "", sheets.separated(decoded)
        case _:
            return "", text.plain(decoded)


def _limited(name: str, blocks: Iterable[Block], limits: Limits) -> Iterator[Block]:
    length = 0
    for block in blocks:
        length += len(block.text)
        limits.check_text(name, length)
        yield block
