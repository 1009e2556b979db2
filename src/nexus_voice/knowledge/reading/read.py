"""Reads a file's bytes as a document: here, or in a process of the `Reader`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ...core.errors import NexusError
from . import kinds, text
from .chunks import Chunk, Reading, chunks, cut
from .document import Block, Contents, Document, chosen_title, first_heading, lay_out, title_of_name
from .kinds import MEDIA_TYPE, Kind
from .limits import Limits, broken, empty, too_much, unknown_encoding
from .scans import Scanner

LIMITS = Limits()
PIECE_BYTES = 1_000_000
"""Bytes of an attachment that are sent at a time."""
BATCH_CHARS = 20_000
"""A reader's process sends its chunks when they have so much text: far below what fits into one frame."""
MAX_HEADING_CHARS = 300
"""Of a heading in a chunk's path: every chunk carries all the headings above it."""

log = logging.getLogger(__name__)


def read(name: str, data: bytes, type: str | None = None, limits: Limits = LIMITS) -> Document:
    """Read a document. `type` is a media type.

    Raises `BadInput`: `too_large`, `unsupported_type`, `encrypted_document`, `broken_document`,
    `archive_bomb`, `too_many_pages`, `too_much_text`, `unknown_encoding`, `empty_document`.
    """
    return read_as(name, data, type, limits)[1]


def read_as(
    name: str, data: bytes, type: str | None, limits: Limits, tell: Callable[[int], None] = lambda _: None
) -> tuple[Kind, Document]:
    """Like `read`, with the kind of file that it is. `tell` is called with the number of pages that were read
    from pictures, whenever there is one more."""
    limits.check_size(name, len(data))
    try:
        kind = kinds.kind(name, data, type)
        return kind, _document(name, data, kind, type, limits, Scanner(limits, tell))
    except (NexusError, MemoryError):
        raise
    except Exception as error:  # a library may raise anything on a damaged file
        log.warning("%s: %s", error.__class__.__name__, str(error)[:200])
        raise broken(name) from error


def read_here(name: str, data: bytes, type: str, limits: Limits) -> Reading:
    """Read a trusted file in this process. It may take long, so it is called in a thread."""
    kind, document = read_as(name, data, type, limits)
    pages = len(document.pages) or None
    return Reading(
        document.title, MEDIA_TYPE[kind], pages, chunks(document), document.warnings, document.attachments
    )


class Parser:
    """What runs in a process of the `Reader`. `limits` are the fields of `Limits`."""

    def __init__(self, limits: dict[str, int]) -> None:
        self._limits = Limits(**limits)

    def read(self, items: Iterator[Any], emit: Callable[[Any], None]) -> None:
        """Items are (name, media type or None), then the file in pieces. Emits None when it begins, then the
        number of pages that were read from pictures whenever there is one more, then [title, media type,
        number of pages, warnings], then lists of chunks as [text, path, start, page, page starts], then each
        attachment as ["attachment", name, media type] and its bytes in pieces."""
        emit(None)
        name, type = next(items)
        try:
            kind, document = read_as(name, b"".join(items), type, self._limits, emit)
            emit([document.title, MEDIA_TYPE[kind], len(document.pages), list(document.warnings)])
            for batch in _batches(cut(document)):
                emit(batch)
            for attached in document.attachments:
                emit(["attachment", attached.name, attached.type])
                for start in range(0, len(attached.data), PIECE_BYTES):
                    emit(attached.data[start : start + PIECE_BYTES])
            return
        except MemoryError:
            pass  # here the exception lets go of what has taken the memory
        raise too_much(name, "takes too much memory to read", "too_much_memory")


def _batches(chunks: Iterator[Chunk]) -> Iterator[list[Any]]:
    batch, length = list[Any](), 0
    for one in chunks:
        path = [name[:MAX_HEADING_CHARS] for name in one.path]
        batch.append([one.text, path, one.start, one.page, one.page_starts])
        length += len(one.text)
        if length >= BATCH_CHARS:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _document(
    name: str, data: bytes, kind: Kind, type: str | None, limits: Limits, scanner: Scanner
) -> Document:
    found = _contents(name, data, kind, type, limits, scanner)
    kept = list(_limited(name, found.blocks, limits))
    title = chosen_title(found.title) or next((one.text for one in kept if one.level == 1), "")
    document = lay_out(title or title_of_name(name), kept, found.pages, found.warnings)
    if not document.sections:
        raise empty(name)
    return replace(document, attachments=tuple(found.attachments))


def _contents(
    name: str, data: bytes, kind: Kind, type: str | None, limits: Limits, scanner: Scanner
) -> Contents:
    match kind:  # libraries are imported when they are needed, because some take long
        case "pdf":
            from . import pdf

            found = pdf.read(name, data, limits, scanner)
            found.title = found.title or title_of_name(name)
            if not found.blocks:
                raise empty(name, pdf.NO_TEXT)
            return found
        case "png" | "jpeg" | "tiff" | "webp" | "gif" | "bmp":
            from . import images

            found = images.read(name, data, limits, scanner)
            found.title = title_of_name(name)
            return found
        case "docx":
            from . import word

            return word.read(name, data, limits)
        case "pptx":
            from . import slides

            found = slides.read(name, data, limits)
            found.title = chosen_title(found.title) or first_heading(found.blocks)
            return found
        case "xlsx" | "xls":
            from . import sheets

            return sheets.excel(name, data, limits)
        case "epub":
            from . import books

            return books.epub(name, data, limits)
        case "odt" | "ods" | "odp":
            from . import opendocument

            found = opendocument.read(name, data, limits)
            if kind == "odp":
                found.title = chosen_title(found.title) or first_heading(found.blocks)
            return found
        case "rtf":
            from . import rtf

            return rtf.read(data)
        case "doc" | "ppt":
            raise kinds.old(name, kind)
        case "email":
            from . import mail

            return mail.message(data)
        case _:
            return _textual(name, data, kind, type)


def _textual(name: str, data: bytes, kind: Kind, type: str | None) -> Contents:
    decoded = text.decode(data, kinds.charset(type))
    if decoded is None:
        raise kinds.unsupported(name, "binary data")
    if decoded.useless:
        raise unknown_encoding(name)
    match kind:
        case "html":
            from . import html

            found = html.read(decoded.text)
        case "markdown":
            found = text.markdown(decoded.text)
        case "csv":
            from . import sheets

            found = sheets.separated(decoded.text)
        case _:
            found = text.plain(decoded.text)
    found.warnings += text.doubts(decoded)
    return found


def _limited(name: str, blocks: Iterable[Block], limits: Limits) -> Iterator[Block]:
    length = 0
    for block in blocks:
        length += len(block.text)
        limits.check_text(name, length)
        yield block
