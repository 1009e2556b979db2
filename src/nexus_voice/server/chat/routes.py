"""`POST /chat`: a typed question, its answer as server-sent events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from ...core import events
from ...core.modes import ModeName
from ..identity import principals_of
from ..services import Shared
from ..voice.wire import MAX_COLLECTION_ID, MAX_COLLECTIONS, check_text
from .stream import SessionBusy, TurnStream

router = APIRouter(tags=["chat"])


class Question(BaseModel):
    text: str = Field(min_length=1, examples=["How do I add a language model?"])
    session_id: str = Field("", description="From an earlier answer's `ready`, to go on with it.")
    token: str = Field("", description="The session's token, from the same `ready`.")
    knowledge: bool | None = Field(None, description="Whether to look in the documents.")
    collections: list[Annotated[str, Field(max_length=MAX_COLLECTION_ID)]] | None = Field(
        None,
        max_length=MAX_COLLECTIONS,
        description="Ids of the collections to look in, from now on; an empty list: in all again.",
    )
    mode: ModeName | None = None
    context: str | None = Field(
        None, description="Background from the client's page; data, not instructions."
    )


@router.post(
    "/chat",
    status_code=200,
    response_class=TurnStream,
    responses={
        200: {
            "description": "Events named by type: ready, final, sources, delta, sentence, metrics, ended or "
            "error.",
            "content": {"text/event-stream": {"example": 'event: delta\ndata: {"turn":1,"text":"Set"}\n\n'}},
        }
    },
)
async def chat(question: Question, request: Request, services: Shared) -> TurnStream:
    """Ask in writing. The answer streams as it is generated."""
    check_text(question.text, services.settings.limits.text)
    kept, resumed = services.sessions.open(question.session_id, question.token)
    if kept.leave:
        raise SessionBusy("This conversation is open in another connection.")
    session = kept.value
    session.principals, session.caller = principals_of(request), "http"
    session.manner.apply(
        events.Settings(
            knowledge=question.knowledge, collections=question.collections, mode=question.mode, speak=False
        )
    )
    if question.context is not None:
        session.update_context(question.context)
    ready = events.Ready(kept.id, kept.token, resumed, session.engines.names())
    return TurnStream(services, kept, question.text, ready)
