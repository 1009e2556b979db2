"""`/rag/jobs`: how far the documents that were handed in have come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ...knowledge.ingest import job as inner
from ..streaming import EVENT_STREAM, event_stream
from .dependencies import Caller, Id, Jobs, not_found

router = APIRouter(prefix="/rag", tags=["documents"])

JobState = Literal["queued", "running", "done", "cancelled"]


class Problem(BaseModel):
    code: str = Field(examples=["unsupported_type"])
    message: str


class Item(BaseModel):
    name: str = Field(examples=["handbook/chapter 1.md"])
    source: str = Field(examples=["upload"])
    state: Literal["queued", "running", "done", "failed", "cancelled"] = Field(examples=["done"])
    status: Literal["added", "updated", "unchanged"] | None = Field(
        description="What became of it; null until it is stored.", examples=["added"]
    )
    id: str | None = Field(description="The document's id, once it is stored and while it is there.")
    chunks: int = Field(description="Passages the document was cut into.", examples=[42])
    embedded: int = Field(description="Passages that can be found by their meaning.", examples=[42])
    warnings: list[str] = Field(description="What was left out of it, or is doubtful; for people.")
    error: Problem | None = Field(None, description="Why this one failed; the others are not affected.")


class Summary(BaseModel):
    id: str
    state: JobState = Field(description="done: every document has ended, well or not.", examples=["done"])
    collection: str = Field(examples=["default"])
    created: datetime
    ended: datetime | None
    total: int = Field(description="Documents in the job.", examples=[1])
    done: int = Field(description="Those that were taken in, or known already.", examples=[1])
    failed: int = Field(examples=[0])


class Job(Summary):
    documents: list[Item] = Field(description="In the order in which they were sent.")


class Summaries(BaseModel):
    jobs: list[Summary] = Field(description="The newest first.")


def shown(job: inner.Job) -> Job:
    return Job.model_validate({**summary(job), "documents": [_item(one) for one in job.items]})


def summary(job: inner.Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in Summary.model_fields}


def _item(item: inner.Item) -> dict[str, Any]:
    error = {"code": item.error_code, "message": item.error} if item.error_code else None
    same = {name: getattr(item, name) for name in Item.model_fields if name not in ("id", "error")}
    return {**same, "id": item.document_id, "error": error}


@router.get("/jobs")
async def jobs(jobs: Jobs, caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Summaries:
    """The latest jobs, without their documents."""
    found = await jobs.newest(caller, limit)
    return Summaries(jobs=[Summary.model_validate(summary(one)) for one in found])


STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {EVENT_STREAM: {"example": 'event: job\ndata: {"id":"…","state":"running",…}\n\n'}}}
}


@router.get("/jobs/{id}", response_model=Job, responses=STREAM)
async def job(id: Id, request: Request, jobs: Jobs, caller: Caller) -> Any:
    """A job with its documents, or a stream of server-sent events for a client that accepts only that."""
    if EVENT_STREAM in request.headers.get("accept", ""):
        return await events(id, jobs, caller)
    found = await jobs.job(id, caller)
    if found is None:
        raise not_found("job")
    return shown(found)


@router.get("/jobs/{id}/events", response_class=Response, responses=STREAM)
async def events(id: Id, jobs: Jobs, caller: Caller) -> Response:
    """Server-sent events `job`: the whole job now, and again whenever it has changed, until it ends."""
    if await jobs.job(id, caller) is None:
        raise not_found("job")
    return event_stream(_told(jobs.follow(id, caller)))


async def _told(views: AsyncGenerator[inner.Job]) -> AsyncGenerator[bytes]:
    async with aclosing(views):
        async for view in views:
            yield f"event: job\ndata: {shown(view).model_dump_json()}\n\n".encode()


@router.delete("/jobs/{id}", status_code=204, response_class=Response)
async def cancel(id: Id, jobs: Jobs, caller: Caller) -> None:
    """Stop a job. Documents that are stored already stay; the others are not taken in."""
    if not await jobs.cancel(id, caller):
        raise not_found("job")
