"""What the faces below `/rag` share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import BaseModel, Field

from ...core.access import Scope
from ...core.errors import BadInput, NexusError
from ...knowledge.base import KnowledgeBase
from ...knowledge.ingest.ingestion import Ingestion
from ..identity import scope_of
from ..services import state_of


class Problem(BaseModel):
    code: str = Field(examples=["unsupported_type"])
    message: str


class KnowledgeOff(NexusError):
    code = "knowledge_off"
    status = 503


def base_of(request: Request) -> KnowledgeBase:
    base = state_of(request).knowledge
    if base is None:
        raise off()
    return base


def ingestion_of(request: Request) -> Ingestion:
    ingestion = state_of(request).ingestion
    if ingestion is None:
        raise off()
    return ingestion


def off() -> KnowledgeOff:
    return KnowledgeOff(
        "There is no knowledge base here. Start the server with NEXUS_KNOWLEDGE__ENABLED=true."
    )


def _caller(request: Request) -> Scope:
    return scope_of(request)


Base = Annotated[KnowledgeBase, Depends(base_of)]
Jobs = Annotated[Ingestion, Depends(ingestion_of)]
Caller = Annotated[Scope, Depends(_caller)]
Id = Annotated[str, Path(max_length=100)]


def not_found(what: str) -> BadInput:
    return BadInput(f"There is no such {what}.", code="not_found", status=404)
