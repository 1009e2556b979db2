"""A file's bytes -> a document."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from ...core.errors import NexusError
from . import archive, kinds, text, titles
from .document import Block, Document, lay_out
from .kinds import Kind
from .limits import Limits

LIMITS = Limits()

log = logging.getLogger(__name__)


def read(name: str, data: bytes, type: str | None = None, limits: Limits = LIMITS) -> Document:
    """`type` is a media type.

    Raises `BadInput`: `too_large`, `unsupported_type`, `encrypted_document`, `broken_document`,
    `archive_bomb`, `too_many_pages`, `too_much_text`, `empty_document`.
    """
    return read_as(name, data, type, limits)[1]


def read_as(name: str, data: bytes, type: str | None, limits: Limits) -> tuple[Kind, Document]:
    """Like `read`; also what kind of file it is."""
    limits.check_size(name, len(data))
    try:
        kind = kinds.kind(name, data, type)
        return kind, _document(name, data, kind, limits)
    except (NexusError, MemoryError):
        raise
    except Exception as error:  # whatever a library makes of a damaged file
        log.warning("%s: %s", error.__class__.__name__, str(error)[:200])
        raise archive.broken(name) from error


def _document(name: str, data: bytes, kind: Kind, limits: Limits) -> Document:
    pages = 0
    blocks: Iterable[Block]
    match kind:  # libraries are imported when they are needed: some take long
        case "pdf":
            from . import pdf

            title, blocks, pages = pdf.read(name, data, limits)
            title = title or titles.of_file(name)
            if not blocks:
                raise kinds.empty(name, pdf.SCANNED)
        case "docx":
            from . import office

            title, blocks = office.word(name, data, limits)
        case "pptx":
            from . import office

            title, blocks, pages = office.slides(name, data, limits)
            title = titles.given(title) or next((one.text for one in blocks if one.level), "")
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
        titles.given(title) or next((one.text for one in kept if one.level == 1), "") or titles.of_file(name)
    )
    document = lay_out(title, kept, pages)
    if not document.sections:
        raise kinds.empty(name)
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
