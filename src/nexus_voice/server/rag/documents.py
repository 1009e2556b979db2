"""`/rag/documents`: what the knowledge base holds."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ...knowledge.documents.records import DocumentInfo
from .dependencies import Base, Caller, Id, not_found
from .names import disposition, one_line, relative_path

router = APIRouter(prefix="/rag", tags=["documents"])

INLINE = ("application/pdf", "text/plain", "image/png", "image/jpeg", "image/gif", "image/webp")
"""Media types that a browser may show; files of other types are downloaded."""
FILE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-cache",
}
SANDBOX = "default-src 'none'; sandbox"
"""No script of a file runs under our origin. PDFs go without it: browsers' viewers do not work in a sandbox,
and a PDF cannot reach the page that shows it."""


class Document(BaseModel):
    id: str
    collection: str = Field(examples=["default"])
    source: str = Field(examples=["upload"])
    name: str = Field(examples=["handbook.pdf"])
    title: str = Field(examples=["The handbook"])
    type: str = Field(description="Media type; empty when that is not known.", examples=["application/pdf"])
    fingerprint: str = Field(description="Its version, as its source says.")
    bytes: int = Field(examples=[18_000])
    pages: int | None = Field(description="null where it has none.", examples=[12])
    chunks: int = Field(description="Passages it was cut into.", examples=[42])
    added: datetime
    part_of: str | None = Field(description="The id of the e-mail that it was attached to.")
    warnings: list[str] = Field(
        description="What was left out of it, or is doubtful; for people.",
        examples=[["3 of 40 pages could not be read."]],
    )


class Documents(BaseModel):
    documents: list[Document] = Field(description="By title.")
    next: str | None = Field(description="For `after`, to get the following ones; null at the end.")


class Change(BaseModel):
    title: str | None = Field(None, min_length=1, max_length=300, examples=["The new handbook"])
    name: str | None = Field(None, min_length=1, max_length=500, examples=["handbook 2.pdf"])
    collection: str | None = Field(None, max_length=100)


def shown(info: DocumentInfo) -> Document:
    return Document.model_validate(info, from_attributes=True)


@router.get("/documents")
async def documents(
    base: Base,
    caller: Caller,
    collection: Annotated[str | None, Query(max_length=100)] = None,
    source: Annotated[str | None, Query(max_length=500)] = None,
    after: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Documents:
    """What the knowledge base holds, by title, page by page."""
    found = await base.documents(caller, collection, source, after, limit + 1)
    page = found[:limit]
    more = page[-1].place if len(found) > limit else None
    return Documents(documents=[shown(one) for one in page], next=more)


@router.get("/documents/{id}")
async def document(id: Id, base: Base, caller: Caller) -> Document:
    """One document."""
    return shown(await known(id, base, caller))


@router.patch("/documents/{id}")
async def change(id: Id, change: Change, base: Base, caller: Caller) -> Document:
    """Give a document another title or name, or move it to another collection."""
    name = None if change.name is None else relative_path(change.name)
    title = None if change.title is None else one_line(change.title, 300)
    changed = await base.change(id, caller, collection=change.collection, name=name, title=title)
    if changed is None:
        raise not_found("document or collection")
    return shown(changed)


@router.delete("/documents/{id}", status_code=204, response_class=Response)
async def delete(id: Id, base: Base, caller: Caller) -> None:
    """Delete a document and its file. From now on no answer uses it."""
    if not await base.delete(id, caller):
        raise not_found("document")


@router.get(
    "/documents/{id}/original",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def original(id: Id, request: Request, base: Base, caller: Caller) -> Response:
    """The file that the document was read from, as the client sent it."""
    info = await known(id, base, caller)
    tag = {"etag": f'"{info.original}"'}
    if request.headers.get("if-none-match") == tag["etag"]:
        return Response(status_code=304, headers=FILE_HEADERS | tag)
    found = await base.original(id, caller)
    if found is None:
        raise not_found("file")
    name, type, data = found
    kind = type.partition(";")[0].strip().lower()
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind, re.ASCII):
        kind = "application/octet-stream"
    headers = {
        **FILE_HEADERS,
        **tag,
        "content-disposition": disposition("inline" if kind in INLINE else "attachment", name),
        "content-type": f"{kind}; charset=utf-8" if kind.startswith("text/") and _utf8(data) else kind,
    }
    if kind != "application/pdf":
        headers["content-security-policy"] = SANDBOX
    return Response(data, headers=headers)


async def known(id: str, base: Base, caller: Caller) -> DocumentInfo:
    info = await base.document(id, caller)
    if info is None:
        raise not_found("document")
    return info


def _utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
