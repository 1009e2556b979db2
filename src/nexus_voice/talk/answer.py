"""From a prompt to cited statements: the one pipeline behind voice, typed text, /chat, /rag/query and /v1.

They differ only in who listens: a conversation shows and speaks the pieces as they come, /rag/query
collects them, and /v1 puts them into OpenAI's format.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..core.chat import Cited, CutOff, Passage, Prompt, ToolCall, ToolStep
from ..core.errors import EngineError
from ..ports import Llm, Tool
from ..text.citations.citations import Citations, Statement, Written
from .streams import closing

MAX_ROUNDS = 4
"""How often the model is asked within one answer. It may call tools in all rounds but the last."""
APOLOGY = " … I am sorry, I lost my train of thought there."
"""Ends an answer whose model died in the middle of it."""

RunTools = Callable[[Sequence[ToolCall]], Awaitable[Sequence[ToolStep]]]
"""Runs the calls of one round and returns all finished steps of this answer, those of earlier rounds too."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The passages that the answer rests on, each on one page, known before its first text."""

    passages: tuple[Passage, ...]
    quoted: bool
    """The answer is in the passages' own words, and so in their language."""


@dataclass(frozen=True, slots=True)
class Delta:
    """Text to show, without citation marks."""

    text: str


Piece = Sources | Delta | Statement | ToolCall


async def answer(
    llm: Llm, prompt: Prompt, tools: Sequence[Tool] = (), run_tools: RunTools | None = None
) -> AsyncGenerator[Piece]:
    """What the model writes: `Sources` once, then `Delta`s, and a `Statement` whenever one is complete.

    `run_tools` runs the tools that the model calls, and then it goes on. Without it the tools are the
    client's: their calls are yielded after the text, and the answer ends there.

    A client's own prompt (`prompt.ours` is false) is answered word for word: marks stay in the text,
    nothing is cited, and a model that dies in the middle raises `EngineError` instead of apologising.
    """
    citations = Citations(prompt.passages)
    sources_known = not prompt.ours
    for round in range(1, MAX_ROUNDS + 1):
        calls: list[ToolCall] = []
        offered = () if run_tools and round == MAX_ROUNDS else tools
        async with closing(llm.stream(prompt, offered)) as stream:
            async for piece in stream:
                match piece:
                    case ToolCall():
                        calls.append(piece)
                    case Cited(passages):
                        if not sources_known:
                            sources_known = True
                            citations.use(passages, quoted=True)
                            yield Sources(citations.sources, quoted=True)
                    case CutOff() if not prompt.ours:
                        raise EngineError("The model stopped in the middle of its answer.", retryable=True)
                    case str() | CutOff():
                        text = piece if isinstance(piece, str) else APOLOGY
                        if not sources_known:
                            sources_known = True
                            yield Sources(citations.sources, quoted=False)
                        if prompt.ours:
                            for shown in pieces(citations.feed(text)):
                                yield shown
                        else:
                            yield Delta(text)
        for shown in pieces(citations.pause()):
            yield shown
        if run_tools is None or not calls or round == MAX_ROUNDS:
            break
        prompt = replace(prompt, steps=tuple(await run_tools(calls)))
    for shown in pieces(citations.close()):
        yield shown
    for call in calls if run_tools is None else ():
        yield call


def pieces(written: Written) -> Iterator[Delta | Statement]:
    if written.text:
        yield Delta(written.text)
    yield from written.statements
