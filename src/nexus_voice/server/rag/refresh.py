"""`/rag/refresh`: documents are read again once reading has improved."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from .dependencies import Caller, Jobs
from .jobs import Summary, summary

router = APIRouter(prefix="/rag", tags=["documents"])


class Outdated(BaseModel):
    documents: int = Field(description="Those that an older version of the reader has read.")


class Refreshing(BaseModel):
    documents: int = Field(description="Those that are read again.")
    jobs: list[Summary] = Field(description="The jobs that do it; none if there is nothing to do.")


@router.get("/refresh")
async def outdated(jobs: Jobs, caller: Caller) -> Outdated:
    """How many documents would be read again."""
    return Outdated(documents=await jobs.outdated(caller))


@router.post("/refresh", status_code=202)
async def refresh(jobs: Jobs, caller: Caller) -> Refreshing:
    """Read the documents again that an older version of the reader has read, from the files that are kept.
    They keep their ids and titles, and are found as they were until then."""
    made = await jobs.refresh(caller)
    shown = [Summary.model_validate(summary(job)) for job in made]
    return Refreshing(documents=sum(job.total for job in made), jobs=shown)
