"""`/rag/documents/{id}/text`: what was read of a document, for programs and for people."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from ...knowledge.documents.records import DocumentInfo, StoredChunk
from .dependencies import Base, Caller, Id
from .documents import FILE_HEADERS, known

router = APIRouter(prefix="/rag", tags=["documents"])

WINDOW_CHARS = 100_000
"""Characters that a page shows before and after a passage, so that the browser stays quick."""
STYLE = """
:root { color-scheme: light dark; }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.3; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 1rem; }
small { color: GrayText; }
mark { outline: none; }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class TextPassage(BaseModel):
    position: int = Field(description="Where it begins in the document's text, in characters.")
    path: list[str] = Field(description="The headings above it, outermost first.")
    page: int | None = Field(description="null where the document has no pages.")
    text: str = Field(description="Neighbours may share some of their text; positions tell how much.")


class DocumentText(BaseModel):
    id: str
    name: str
    title: str
    passages: list[TextPassage] = Field(description="In reading order.")


@router.get(
    "/documents/{id}/text",
    response_model=DocumentText,
    responses={200: {"content": {"text/html": {"example": "<!doctype html>…"}}}},
)
async def text(
    id: Id,
    request: Request,
    base: Base,
    caller: Caller,
    at: Annotated[
        int | None, Query(ge=0, le=2**53, description="Marks the passage that begins there.")
    ] = None,
) -> Any:
    """What was read of a document, passage by passage. A browser gets a page to read, which opens at the
    passage `at`."""
    info = await known(id, base, caller)
    if "text/html" not in request.headers.get("accept", ""):
        data = await anyio.to_thread.run_sync(passages, info, await base.chunks_of(id, caller))
        return Response(data, media_type="application/json")
    window = () if at is None else (at - WINDOW_CHARS, at + WINDOW_CHARS)
    chunks = await base.chunks_of(id, caller, *window)
    body = await anyio.to_thread.run_sync(page, info, chunks, at)
    return HTMLResponse(body, headers={**FILE_HEADERS, "content-security-policy": POLICY, "vary": "accept"})


def passages(info: DocumentInfo, chunks: list[StoredChunk]) -> bytes:
    """`DocumentText` as JSON. A long document takes a while: call it in a thread."""
    found = [
        TextPassage(position=one.position, path=list(one.path), page=one.page, text=one.text)
        for one in chunks
    ]
    return (
        DocumentText(id=info.id, name=info.name, title=info.title, passages=found).model_dump_json().encode()
    )


@dataclass(slots=True)
class Piece:
    """A stretch of the document's text that no other piece overlaps."""

    start: int
    text: str
    path: tuple[str, ...]
    page: int | None

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def pieces(chunks: Iterable[StoredChunk]) -> Iterator[Piece]:
    """The document's text without the overlap of neighbouring chunks. Chunks that follow one another
    without a gap, on one page and under the same headings, become one piece."""
    current: Piece | None = None
    for chunk in chunks:
        starts = [*(chunk.page_starts or [(0, chunk.page)]), (len(chunk.text), None)]
        for (first, page), (last, _) in pairwise(starts):
            start = max(chunk.position + first, current.end if current else 0)
            fresh = chunk.text[start - chunk.position : last]
            if not fresh:
                continue
            if current and (current.end, current.path, current.page) == (start, chunk.path, page):
                current.text += fresh
                continue
            if current:
                yield current
            current = Piece(start, fresh, chunk.path, page)
    if current:
        yield current


def page(info: DocumentInfo, chunks: list[StoredChunk], at: int | None) -> str:
    """The page as HTML. Everything that comes from the document is escaped."""
    wanted = [one for one in chunks if at is not None and one.position <= at]
    start, end = (wanted[-1].position, wanted[-1].position + len(wanted[-1].text)) if wanted else (-1, -1)
    parts = [
        f'<!doctype html><html lang=""><head><meta charset="utf-8"><title>{escape(info.title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body><h1>{escape(info.title)}</h1>",
        f"<p><small>{escape(info.name)}</small></p>",
    ]
    if at is not None and len(chunks) < info.chunks:
        parts.append('<p><small>A part of a long document. <a href="text">Show all of it</a></small></p>')
    path: tuple[str, ...] = ()
    number: int | None = None
    marked = False
    for piece in pieces(chunks):
        if piece.page != number and piece.page is not None:
            parts.append(f"<p><small>Page {piece.page}</small></p>")
        if piece.path != path:
            parts.append(f"<h2>{escape(' › '.join(piece.path))}</h2>")
        path, number = piece.path, piece.page
        low, high = (min(max(place - piece.start, 0), len(piece.text)) for place in (start, end))
        before, inside, after = piece.text[:low], piece.text[low:high], piece.text[high:]
        if inside:  # the first one takes the focus, and so the browser shows it
            place = "" if marked else ' id="passage" tabindex="-1" autofocus'
            inside, marked = f"<mark{place}>{escape(inside)}</mark>", True
        parts.append(f"<p>{escape(before)}{inside}{escape(after)}</p>")
    return "".join([*parts, "</body></html>"])
