"""An answer from the documents, outside any conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from ..domain import events
from ..domain.chat import Cited, Prompt
from ..ports import Knowledge
from ..talk.streams import closing
from .sse import event
from .state import State


class Query(BaseModel):
    question: str = Field(min_length=1, examples=["How do I add a language model?"])
    k: int = Field(5, ge=1, le=20, description="Passages to look at, at most.")
    stream: bool = Field(False, description="Server-sent events `sources`, `delta`, `ended` instead of JSON.")


class Reply(BaseModel):
    answer: str
    sources: list[events.Source]


@dataclass(slots=True)
class Answer:
    """An answer from the documents, as it grows."""

    query: Query
    base: Knowledge
    state: State
    text: str = ""
    sources: list[events.Source] = field(default_factory=list)

    async def pieces(self) -> AsyncGenerator[str]:
        """The words; `sources` are known before the first."""
        passages = await self.base.recall(self.query.question, self.query.k)
        prompt = Prompt(
            self.query.question, self.state.settings.talk.system, passages=tuple(passages), spoken=False
        )
        self.sources = [events.Source.of(passage) for passage in passages]
        llm, queue = self.state.engines.llm, self.state.queues["llm"]
        async with queue.place(), closing(llm.stream(prompt)) as stream:
            async for piece in stream:
                match piece:
                    case Cited(cited):
                        self.sources = [events.Source.of(passage) for passage in cited]
                    case str():
                        self.text += piece
                        yield piece

    async def whole(self) -> Reply:
        async with aclosing(self.pieces()) as pieces:
            async for _ in pieces:
                pass
        return Reply(answer=self.text.strip(), sources=self.sources)

    async def events(self) -> AsyncGenerator[bytes]:
        shown = False
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                if not shown:
                    shown = True
                    yield event(events.Sources(0, self.sources))
                yield event(events.Delta(0, piece))
        yield event(events.Ended(0, "done", self.text.strip()))
