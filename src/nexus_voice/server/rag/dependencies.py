"""FastAPI dependencies of the routes below `/rag`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from ...core.access import Scope
from ...core.errors import BadInput, NexusError
from ...knowledge.base import KnowledgeBase
from ...knowledge.ingest.ingestion import Ingestion
from ..identity import scope_of
from ..services import services_of

MAX_ID = 100
"""Characters of an id in a path."""


class KnowledgeOff(NexusError):
    code = "knowledge_off"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "There is no knowledge base here. Start the server with NEXUS_KNOWLEDGE__ENABLED=true."
        )


def _base(request: Request) -> KnowledgeBase:
    if base := services_of(request).knowledge:
        return base
    raise KnowledgeOff


def _jobs(request: Request) -> Ingestion:
    if ingestion := services_of(request).ingestion:
        return ingestion
    raise KnowledgeOff


def _caller(request: Request) -> Scope:
    return scope_of(request)


Base = Annotated[KnowledgeBase, Depends(_base)]
Jobs = Annotated[Ingestion, Depends(_jobs)]
Caller = Annotated[Scope, Depends(_caller)]
Id = Annotated[str, Path(max_length=MAX_ID)]


def not_found(what: str) -> BadInput:
    return BadInput(f"There is no such {what}.", code="not_found", status=404)
