"""The embedded answerer, which quotes the documents' own sentences with their source instead of writing.

It says plainly when the documents have no answer. A document is quoted, never obeyed, and each quotation is
marked with the number of its passage among those `Cited`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from itertools import groupby

import anyio.lowlevel
from anyio import to_thread

from ...core.chat import Cited, Passage, Prompt, ToolCall
from ...ports import Embedder, Tool
from ...text import arithmetic, date_questions, smalltalk
from ...text.citations.citation_marks import unmarked
from ...text.citations.pages import on_its_page
from ...text.folding import is_latin
from ...text.follow_up import standalone
from ...text.invisible_characters import visible
from .advice import not_found
from .evidence import enough
from .extract import SHOWN_LIMITS, SPOKEN_LIMITS, render
from .meaning import Meanings
from .question import asked
from .search import Answer, compared, search
from .units import Unit, read

MIN_RELEVANCE_RATIO = 0.5
"""Another passage is quoted too if it has this share of the best one's relevance."""
MIN_RELEVANCE_OF_SIGNS = 0.3
"""Where the rules of evidence, which know English, cannot read a question, the search's relevance decides."""
CONTEXT_SCORE = 0.3
"""Stands for the relevance of the client's context, which no search has measured."""
MAX_PRIMED, PRIMED_AT_A_TIME = 40, 4
"""Sentences that are compared ahead while the user speaks, and so many before anything else has its turn."""

CONTEXT_TITLE = "What you shared"
"""The title under which the client's context is quoted."""
NAMED_SOURCE = re.compile(r"From “([^“”]{1,500})”")


class ExtractiveLlm:
    """Answers questions about itself, about dates and sums on its own, and all others by quoting `passages`.

    Without an `embedder` sentences are chosen by their words only. `now` gives the current time;
    `zone` is the listener's time zone (None: the machine's). `engines` maps an engine kind to the
    name in use, for "which engines are you using?"; it may change later.
    """

    name = "extractive"
    local = True

    def __init__(
        self,
        embedder: Embedder | None = None,
        *,
        zone: tzinfo | None = None,
        now: Callable[[], datetime] | None = None,
        engines: Mapping[str, str] | None = None,
    ) -> None:
        self.zone = zone
        self.engines: Mapping[str, str] = engines if engines is not None else {}
        self._meanings = Meanings(embedder)
        self._now = now or (lambda: datetime.now(self.zone).astimezone(self.zone))

    async def stream(
        self, prompt: Prompt, tools: Sequence[Tool] = ()
    ) -> AsyncGenerator[str | ToolCall | Cited]:
        """The sources of the answer, then the answer word by word. `tools` are never called."""
        alone = self._alone(prompt)
        text, sources = (alone, ()) if alone else await self._quote(prompt)
        yield Cited(sources)
        for token in re.findall(r"\s*\S+\s*?(?=\s|$)|\s+$", text):
            yield token
            await anyio.lowlevel.checkpoint()

    @property
    def primes(self) -> bool:
        return self._meanings.embedder is not None

    async def prime(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> None:
        """Learn the meanings of the passages' sentences while the question is still being asked."""
        passages = _quotable(prompt.passages)
        found = await to_thread.run_sync(list, read(passages))
        texts = [compared(unit, passages) for unit in found]
        texts = [*dict.fromkeys(unit.heading for unit in found), *texts][:MAX_PRIMED]
        for at in range(0, len(texts), PRIMED_AT_A_TIME):
            await self._meanings.learn(texts[at : at + PRIMED_AT_A_TIME])

    def _alone(self, prompt: Prompt) -> str | None:
        last = next((line.text for line in reversed(prompt.history) if line.role == "assistant"), "")
        earlier = [line.text for line in prompt.history if line.role == "user"]
        return (
            smalltalk.answer(prompt.question, self.engines, last, earlier)
            or date_questions.answer(prompt.question, self._now())
            or arithmetic.answer(prompt.question)
        )

    async def can_answer(self, prompt: Prompt) -> bool:
        """Whether it has an answer of its own or of the passages: not for small talk."""
        if not prompt.ours:
            return False
        known = date_questions.answer(prompt.question, self._now()) or arithmetic.answer(prompt.question)
        return bool(known) or (await self._find(prompt))[0] is not None

    async def _find(self, prompt: Prompt) -> tuple[Answer | None, list[Passage]]:
        """What answers the prompt, if anything does, and the passages of its units."""
        best = max((passage.score for passage in prompt.passages), default=0.0)
        least = 0.0 if is_latin(prompt.question) else MIN_RELEVANCE_OF_SIGNS
        passages = [one for one in prompt.passages if one.score >= max(MIN_RELEVANCE_RATIO * best, least)]
        if prompt.context.strip():
            passages.append(Passage(prompt.context, "", CONTEXT_TITLE, score=CONTEXT_SCORE))
        earlier = [line.text for line in prompt.history if line.role == "user"]
        question = asked(standalone(prompt.question, earlier))
        limits = SPOKEN_LIMITS if prompt.spoken else SHOWN_LIMITS
        found = await search(question, _quotable(passages), self._meanings, limits)
        return (found if found and enough(found.features) else None), passages

    async def _quote(self, prompt: Prompt) -> tuple[str, tuple[Passage, ...]]:
        found, passages = await self._find(prompt)
        if found is None:
            return not_found(prompt), ()
        pages = {unit: on_its_page(passages[unit.passage], unit.text) for unit in found.units}
        known = [page for unit, page in pages.items() if passages[unit.passage] in prompt.passages]
        sources = tuple(dict.fromkeys(known))
        return _cite(pages, sources, prompt), sources


def _quotable(passages: Sequence[Passage]) -> list[Passage]:
    """The passages without anything that could be taken for one of our marks, such as their own "[7]"."""
    return [replace(one, text=unmarked(visible(one.text))) for one in passages]


def _cite(units: Mapping[Unit, Passage], sources: Sequence[Passage], prompt: Prompt) -> str:
    """The units, which stand in passages, with their marks, each run of one document's after its name: "From
    “Engines”: ...".

    A spoken answer does not name the document that the one before it named.
    """

    def mark(unit: Unit) -> str:
        source = units[unit]
        return f" 【{sources.index(source) + 1}】" if source in sources else ""

    spoken = prompt.spoken
    parts: list[str] = []
    for title, group in groupby(units, lambda unit: units[unit].title):
        run = list(group)
        first, text, name = run[0], render(run, spoken, mark), _line(title)
        under = f", “{_line(first.heading)}”" if first.kind != "prose" and first.heading != title else ""
        gap = " " if spoken or first.kind in ("prose", "row") else "\n\n"
        known = spoken and len(run) == len(units) and name == _last_named(prompt)
        lead = under.removeprefix(", ") if known else f"From “{name}”{under}"
        parts.append(f"{lead}:{gap}{text}" if lead else text)
    return (" " if spoken else "\n\n").join(parts)


def _line(name: str) -> str:
    """A title or heading as it can be said."""
    return " ".join(unmarked(visible(name)).split())


def _last_named(prompt: Prompt) -> str:
    """The document whose name was said last in this conversation."""
    said = [
        name
        for line in prompt.history
        if line.role == "assistant"
        for name in NAMED_SOURCE.findall(line.text)
    ]
    return said[-1] if said else ""
