"""An answer from the documents, outside any conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import BaseModel, Field

from ...core import events
from ...core.access import Scope
from ...core.chat import Passage, Prompt
from ...knowledge.base import KnowledgeBase
from ...talk.answer import Delta, Piece, Sources, answer
from ...text.citations.citations import Statement
from ...text.follow_up import is_idle, standalone
from ..services import Services
from ..sse import event
from .links import sources as sources_of


class Query(BaseModel):
    question: str = Field(min_length=1, examples=["How do I add a language model?"])
    history: list[str] = Field(
        default_factory=list,
        max_length=20,
        description='Earlier questions, oldest first: "and on Windows?" leans on them.',
    )
    k: int = Field(5, ge=1, le=20, description="Passages to look at, at most.")
    collections: list[str] | None = Field(
        None, max_length=100, description="Ids of the collections to look in; all, if absent."
    )
    stream: bool = Field(
        False, description="Server-sent events `sources`, `delta`, `sentence`, `ended` instead of JSON."
    )


class Sentence(BaseModel):
    text: str
    sources: list[int] = Field(description="What it rests on: 1 is the first of the answer's sources.")


class Reply(BaseModel):
    answer: str
    sources: list[events.Source]
    sentences: list[Sentence] = Field(description="The answer again, piece by piece.")


@dataclass(slots=True)
class DocumentAnswer:
    """The answer to one query, whole or as it grows."""

    query: Query
    base: KnowledgeBase
    services: Services
    scope: Scope

    async def whole(self) -> Reply:
        reply = Reply(answer="", sources=[], sentences=[])
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                match piece:
                    case Sources(passages):
                        reply.sources = sources_of(passages)
                    case Delta(text):
                        reply.answer += text
                    case Statement(text, sources) if text.strip():
                        reply.sentences.append(Sentence(text=text.strip(), sources=list(sources)))
        reply.answer = reply.answer.strip()
        return reply

    async def events(self) -> AsyncGenerator[bytes]:
        written = ""
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                match piece:
                    case Sources(passages):
                        yield event(events.Sources(0, sources_of(passages)))
                    case Delta(text):
                        written += text
                        yield event(events.Delta(0, text))
                    case Statement(text, sources) if text.strip():
                        yield event(events.Sentence(0, text.strip(), list(sources)))
        yield event(events.Ended(0, "done", written.strip()))

    async def _pieces(self) -> AsyncGenerator[Piece]:
        question = standalone(self.query.question, self.query.history)
        passages: list[Passage] = []
        if not is_idle(self.query.question):
            passages = await self.base.recall(question, self.query.k, scope=self.scope)
        prompt = Prompt(question, self.services.settings.talk.system, passages=tuple(passages), caller="http")
        async with (
            self.services.queues["llm"].place(),
            aclosing(answer(self.services.engines.llm, prompt)) as pieces,
        ):
            async for piece in pieces:
                yield piece
