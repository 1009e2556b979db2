"""`/rag/query` and `/rag/search`: an answer from the documents, or the passages for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from ...core import events
from ...text.citations.pages import on_its_page
from ..identity import scope_of
from ..services import Shared
from ..streaming import begun, event_stream, while_connected
from ..voice.wire import check_text
from .answering import DocumentAnswer, Query, Reply
from .dependencies import Base
from .links import sources

router = APIRouter(prefix="/rag", tags=["documents"])


class Search(BaseModel):
    query: str = Field(min_length=1, examples=["adding a language model"])
    k: int = Field(10, ge=1, le=100, description="Passages at most.")
    collections: list[str] | None = Field(
        None, max_length=100, description="Ids of the collections to look in; all, if absent."
    )


class Passages(BaseModel):
    passages: list[events.Source] = Field(description="Best first.")


@router.post("/query", response_model=Reply)
async def query(query: Query, request: Request, base: Base, services: Shared) -> Any:
    """One question to the documents, outside any conversation: the answer and what it rests on."""
    check_text(query.question, services.settings.limits.text)
    answer = DocumentAnswer(query, base, services, scope_of(request, query.collections))
    if query.stream:
        body = await while_connected(request, lambda: begun(answer.events()))
        return event_stream(body)
    return await while_connected(request, answer.whole)


@router.post("/search")
async def search(search: Search, request: Request, base: Base, services: Shared) -> Passages:
    """The passages that fit best, with no answer made of them. Each opens at the page that fits best."""
    check_text(search.query, services.settings.limits.text)
    found = await base.search(search.query, search.k, scope=scope_of(request, search.collections))
    placed = [replace(one, page=on_its_page(one, search.query).page) for one in found]
    return Passages(passages=sources(placed))
