"""`/rag/...`: the user's documents in, answers from them out."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile

from ..domain.errors import BadInput, NexusError
from ..knowledge.base import Ingested, KnowledgeBase
from .answering import Answer, Query, Reply
from .state import Shared, state_of
from .streaming import Stream, begun, while_connected

router = APIRouter(prefix="/rag", tags=["documents"])


class Text(BaseModel):
    title: str = Field(min_length=1, max_length=300, examples=["Opening hours"])
    text: str = Field(min_length=1, examples=["We are open from nine to five, Monday to Friday."])


class Texts(BaseModel):
    texts: list[Text] = Field(min_length=1, max_length=1_000)


class Problem(BaseModel):
    code: str = Field(examples=["unsupported_type"])
    message: str


class Result(BaseModel):
    name: str = Field(examples=["handbook.md"])
    status: str = Field(description="added, updated, unchanged or failed.", examples=["added"])
    id: str = ""
    title: str = Field("", examples=["The handbook"])
    chunks: int = Field(0, description="Passages the document was cut into.", examples=[42])
    error: Problem | None = Field(None, description="Why this one failed; the others are not affected.")


class Results(BaseModel):
    documents: list[Result]


class Document(BaseModel):
    id: str
    name: str = Field(examples=["handbook.md"])
    title: str = Field(examples=["The handbook"])
    chunks: int = Field(examples=[42])
    bytes: int = Field(examples=[18_000])
    added: datetime


class Documents(BaseModel):
    documents: list[Document]


class KnowledgeOff(NexusError):
    code = "knowledge_off"
    status = 503


def base_of(request: Request) -> KnowledgeBase:
    base = state_of(request).knowledge
    if base is None:
        raise KnowledgeOff(
            "There is no knowledge base here. Start the server with NEXUS_KNOWLEDGE__ENABLED=true."
        )
    return base


Base = Annotated[KnowledgeBase, Depends(base_of)]

FILE = {"type": "string", "format": "binary"}
INGEST_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"files": {"type": "array", "items": FILE}}}
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["texts"],
                    "properties": {"texts": {"type": "array", "items": Text.model_json_schema()}},
                }
            },
        },
    }
}


@router.post("/ingest", openapi_extra=INGEST_BODY)
async def ingest(request: Request, base: Base, state: Shared) -> Results:
    """Take documents in: a form with `files` (text, Markdown or HTML), or JSON texts. Each has a result
    of its own. A document of the same name is replaced; the same content again changes nothing."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    results: list[Result] = []
    if kind == "multipart/form-data":
        async with request.form(max_files=1_000) as form:
            files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
            if not files:
                raise BadInput('The form needs files in its field "files".', code="files_missing")
            for file in files:
                name = (file.filename or "").replace("\\", "/").rpartition("/")[2]
                data = await file.read()
                results.append(await result(name, base.ingest(name, data, file.content_type)))
    else:
        texts = texts_in(await request.body())
        results = [await result(text.title, base.ingest_text(text.title, text.text)) for text in texts]
    if any(one.status in ("added", "updated") for one in results):
        state.changed()
    return Results(documents=results)


def texts_in(body: bytes) -> list[Text]:
    try:
        return Texts.model_validate(orjson.loads(body)).texts
    except orjson.JSONDecodeError as error:
        raise BadInput(
            f'Send a form with "files", or JSON: {{"texts": [{{"title": "…", "text": "…"}}]}} ({error}).',
            code="bad_json",
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"{where or 'The body'}: {first['msg']}", code="bad_request", status=422) from None


async def result(name: str, work: Awaitable[Ingested]) -> Result:
    try:
        done = await work
    except NexusError as error:
        return Result(name=name, status="failed", error=Problem(code=error.code, message=error.message))
    return Result(name=name, status=done.status, id=done.id, title=done.title, chunks=done.chunks)


@router.get("/documents")
async def documents(base: Base) -> Documents:
    """Everything the knowledge base holds, by title."""
    known = await base.documents()
    return Documents(documents=[Document.model_validate(one, from_attributes=True) for one in known])


@router.delete("/documents/{id}", status_code=204, response_class=Response)
async def delete(id: str, base: Base, state: Shared) -> None:
    """Forget a document; it is gone from every answer at once."""
    if not await base.delete(id):
        raise BadInput("There is no such document.", code="not_found", status=404)
    state.changed()


@router.post("/query", response_model=Reply)
async def query(query: Query, request: Request, base: Base, state: Shared) -> Any:
    """One question to the documents, outside any conversation: the answer and what it rests on."""
    if len(query.question) > state.settings.limits.text:
        raise BadInput(
            f"A question may have {state.settings.limits.text:,} characters at most.",
            code="too_long",
            status=413,
        )
    if not query.question.strip():
        raise BadInput("The question is empty.", code="empty")
    answer = Answer(query, base, state)
    if query.stream:
        body = await while_connected(request, lambda: begun(answer.events()))
        return Stream(body, "text/event-stream", {"cache-control": "no-cache"})
    return await while_connected(request, answer.whole)
