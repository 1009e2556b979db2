"""`/rag/collections`: groups of documents, each with its own access."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ...core.access import DEFAULT, EVERYONE, SEED, Role
from ...core.errors import BadInput
from .dependencies import Base, Caller, Id, not_found
from .names import one_line

router = APIRouter(prefix="/rag", tags=["documents"])


class Named(BaseModel):
    name: str = Field(min_length=1, max_length=200, examples=["Handbooks"])


class Collection(Named):
    id: str
    created: datetime
    role: Role = Field(description="What you may do: read, also write, or everything.")
    documents: int = Field(examples=[12])


class Collections(BaseModel):
    collections: list[Collection] = Field(description="By name.")


@router.get("/collections")
async def collections(base: Base, caller: Caller) -> Collections:
    """List the collections that you may see."""
    found = await base.collections.listing(caller)
    return Collections(collections=[Collection.model_validate(one, from_attributes=True) for one in found])


@router.post("/collections", status_code=201)
async def create(named: Named, base: Base) -> Collection:
    """Make a collection."""
    made = await base.collections.create(one_line(named.name, 200), EVERYONE)
    return Collection.model_validate(made, from_attributes=True)


@router.patch("/collections/{id}", status_code=204, response_class=Response)
async def rename(id: Id, named: Named, base: Base, caller: Caller) -> None:
    """Give a collection another name; its id stays."""
    if not await base.collections.rename(id, one_line(named.name, 200), caller):
        raise not_found("collection")


@router.delete("/collections/{id}", status_code=204, response_class=Response)
async def delete(id: Id, base: Base, caller: Caller) -> None:
    """Delete a collection with all its documents, and stop the jobs that fill it."""
    if id in (DEFAULT, SEED):
        raise BadInput("This collection is always there. Delete its documents instead.", code="built_in")
    if not await base.collections.delete(id, caller):
        raise not_found("collection")
