"""An answer from the documents, outside any conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from ...core import events
from ...core.access import Scope
from ...core.chat import Cited, Prompt
from ...knowledge.base import KnowledgeBase
from ...talk.streams import closing
from ...text.citations.citations import Citations, Written
from ...text.follow_up import standalone
from ..services import State
from ..sse import event


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
class Answer:
    """An answer from the documents, as it grows."""

    query: Query
    base: KnowledgeBase
    state: State
    scope: Scope
    text: str = ""
    sources: list[events.Source] = field(default_factory=list)

    async def pieces(self) -> AsyncGenerator[events.Delta | events.Sentence]:
        """The words, and each sentence when it is complete; `sources` are known before the first."""
        question = standalone(self.query.question, self.query.history)
        passages = await self.base.recall(question, self.query.k, scope=self.scope)
        prompt = Prompt(question, self.state.settings.talk.system, passages=tuple(passages), spoken=False)
        self.sources = [events.Source.of(passage) for passage in passages]
        citations = Citations(passages)
        llm, queue = self.state.engines.llm, self.state.queues["llm"]
        async with queue.place(), closing(llm.stream(prompt)) as stream:
            async for piece in stream:
                match piece:
                    case Cited(cited):
                        self.sources = [events.Source.of(passage) for passage in cited]
                        citations.use(cited)
                    case str():
                        for one in self._show(citations.feed(piece)):
                            yield one
        for one in self._show(citations.close()):
            yield one

    def _show(self, written: Written) -> Iterator[events.Delta | events.Sentence]:
        if written.text:
            self.text += written.text
            yield events.Delta(0, written.text)
        for statement in written.statements:
            if text := statement.text.strip():
                yield events.Sentence(0, text, list(statement.sources))

    async def whole(self) -> Reply:
        async with aclosing(self.pieces()) as pieces:
            sentences = [
                Sentence(text=piece.text, sources=piece.sources)
                async for piece in pieces
                if isinstance(piece, events.Sentence)
            ]
        return Reply(answer=self.text.strip(), sources=self.sources, sentences=sentences)

    async def events(self) -> AsyncGenerator[bytes]:
        shown = False
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                if not shown:
                    shown = True
                    yield event(events.Sources(0, self.sources))
                yield event(piece)
        yield event(events.Ended(0, "done", self.text.strip()))
