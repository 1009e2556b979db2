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
from ..text.model_markup import Markup
from .streams import closing

MAX_ROUNDS = 4
"""How often the model is asked within one answer. It may call tools in all rounds but the last."""
APOLOGY = " … I am sorry, I lost my train of thought there."
"""Ends an answer whose model died in the middle of it."""

NOTHING_SAID = "I am sorry, I have no answer to that."
"""Is said for a model that wrote nothing for people."""

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
    client's: their calls are yielded after the text, and the answer ends there. A call that the model writes
    as text counts as one, if it fits a tool that is offered; else it is left out, like what it copies of its
    prompt's markup.

    A client's own prompt (`prompt.ours` is false) is answered word for word: marks stay in the text,
    nothing is cited, and a model that dies in the middle raises `EngineError` instead of apologising.
    """
    citations = Citations(prompt.passages)
    sources_known = not prompt.ours
    said = False
    ours = prompt.ours

    def shown(parts: Sequence[str | ToolCall], calls: list[ToolCall]) -> Iterator[Piece]:
        """The text in `parts` as pieces of the answer; the calls join `calls`."""
        nonlocal sources_known, said
        for part in parts:
            if isinstance(part, ToolCall):
                calls.append(part)
                continue
            if not sources_known:
                sources_known = True
                yield Sources(citations.sources, quoted=False)
            said = said or not part.isspace()
            if ours:
                yield from pieces(citations.feed(part))
            else:
                yield Delta(part)

    for round in range(1, MAX_ROUNDS + 1):
        calls: list[ToolCall] = []
        offered = () if run_tools and round == MAX_ROUNDS else tools
        markup = Markup({tool.name: tool.parameters for tool in offered}, strict=not prompt.ours)
        async with closing(llm.stream(prompt, offered)) as stream:
            quoted = False
            async for piece in stream:
                match piece:
                    case ToolCall():
                        calls.append(piece)
                    case Cited(passages, quoted):
                        if not sources_known:
                            sources_known = True
                            citations.use(passages, quoted=quoted)
                            yield Sources(citations.sources, quoted=quoted)
                    case CutOff() if not prompt.ours:
                        raise EngineError("The model stopped in the middle of its answer.", retryable=True)
                    case CutOff():
                        for part in shown([*markup.close(), APOLOGY], calls):
                            yield part
                    case str() if quoted or (not prompt.ours and not offered):  # nothing of a machine's in it
                        for part in shown([piece], calls):
                            yield part
                    case str():
                        for part in shown(markup.feed(piece), calls):
                            yield part
            for part in shown(markup.close(), calls):
                yield part
        for part in pieces(citations.pause()):
            yield part
        if run_tools is None or not calls or round == MAX_ROUNDS:
            break
        prompt = replace(prompt, steps=tuple(await run_tools(calls)))
    if prompt.ours and not said and not calls:
        for part in shown([NOTHING_SAID], calls):
            yield part
    for part in pieces(citations.close()):
        yield part
    for call in calls if run_tools is None else ():
        yield call


def pieces(written: Written) -> Iterator[Delta | Statement]:
    if written.text:
        yield Delta(written.text)
    yield from written.statements
