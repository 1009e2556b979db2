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
from typing import TYPE_CHECKING

import anyio.lowlevel

from ...core.chat import Cited, Passage, Prompt, ToolCall
from ...core.errors import EngineError
from ...ports import Calibrated, Embedder, Tool, Understands
from ...text import arithmetic, date_questions, smalltalk
from ...text.citations.citation_marks import unmarked
from ...text.citations.pages import on_its_page
from ...text.follow_up import standalone
from ...text.invisible_characters import visible
from .advice import not_found
from .extract import SHOWN_LIMITS, SPOKEN_LIMITS, compose, render, shortlist
from .units import Unit, units

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

MIN_RELEVANCE = 0.3
"""If the best passage's relevance is lower, nothing was found. Measured: passages with an answer have 0.38
and more, and questions about other things 0.2 and less."""
MIN_RELEVANCE_RATIO = 0.5
"""Another passage is quoted too if it has this share of the best one's relevance."""
MIN_CONTEXT_FIT = 0.5
"""How well a sentence of the client's context must fit (0..1) to be an answer without any passage."""
UNRELATED_COSINE, RELATED_COSINE = 0.1, 0.7
"""MiniLM's cosines of a question with sentences that have nothing to do with it, and with its answer."""

COMPARED_CHARS = 180
"""Characters of a heading and sentence that are compared: one long text would slow its whole batch."""
MAX_PRIMED, PRIMED_AT_A_TIME = 40, 4
"""Sentences that are compared ahead while the user speaks, and so many before anything else has its turn."""
MAX_VECTORS = 2_000
"""Vectors kept (3 MB), since the same sentences come up again and again."""

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
        self.embedder, self.zone = embedder, zone
        self.engines: Mapping[str, str] = engines if engines is not None else {}
        self._known: dict[str, Vector] = {}
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
        return self.embedder is not None

    async def prime(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> None:
        """Learn the meanings of the passages' sentences while the question is still being asked."""
        texts = [_compared(unit) for unit in units("", _quotable(prompt.passages))][:MAX_PRIMED]
        for at in range(0, len(texts), PRIMED_AT_A_TIME):
            await self._vectors(texts[at : at + PRIMED_AT_A_TIME])

    def _alone(self, prompt: Prompt) -> str | None:
        last = next((line.text for line in reversed(prompt.history) if line.role == "assistant"), "")
        asked = [line.text for line in prompt.history if line.role == "user"]
        return (
            smalltalk.answer(prompt.question, self.engines, last, asked)
            or date_questions.answer(prompt.question, self._now())
            or arithmetic.answer(prompt.question)
        )

    async def _quote(self, prompt: Prompt) -> tuple[str, tuple[Passage, ...]]:
        best = max((passage.score for passage in prompt.passages), default=0.0)
        passages = [
            one
            for one in prompt.passages
            if best >= MIN_RELEVANCE and one.score >= MIN_RELEVANCE_RATIO * best
        ]
        grounded = bool(passages)
        if prompt.context.strip():
            passages.append(Passage(prompt.context, "", CONTEXT_TITLE, score=MIN_RELEVANCE))
        asked = [line.text for line in prompt.history if line.role == "user"]
        question = standalone(prompt.question, asked)
        limits = SPOKEN_LIMITS if prompt.spoken else SHOWN_LIMITS
        found = units(question, _quotable(passages))
        looked = shortlist(found, passages, limits)
        meanings = await self._meanings(question, looked)
        fit = max(meanings or [unit.score for unit in looked], default=0.0)
        if not looked or (not grounded and fit < MIN_CONTEXT_FIT):
            return not_found(prompt), ()
        chosen = compose(found, looked, meanings, passages, limits)
        pages = {unit: on_its_page(passages[unit.passage], unit.text) for unit in chosen}
        known = [page for unit, page in pages.items() if passages[unit.passage] in prompt.passages]
        sources = tuple(dict.fromkeys(known))
        return _cite(pages, sources, prompt), sources

    async def _meanings(self, question: str, looked: Sequence[Unit]) -> list[float] | None:
        """How close each unit's meaning is to the question's, 0..1; None without a working embedder that
        understands the question."""
        if self.embedder is None or not looked:
            return None
        if isinstance(self.embedder, Understands) and not self.embedder.understands(question):
            return None
        try:
            asked, *vectors = await self._vectors([question, *map(_compared, looked)])
        except EngineError:
            return None
        low, high = UNRELATED_COSINE, RELATED_COSINE
        if isinstance(self.embedder, Calibrated):
            low, high = self.embedder.cosines
        return [min(1.0, max(0.0, (float(one @ asked) - low) / (high - low))) for one in vectors]

    async def _vectors(self, texts: Sequence[str]) -> list[Vector]:
        """The meaning of each text; those that are known are not computed again. Raises `EngineError`."""
        assert self.embedder
        known = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, await self.embedder.embed(new, "query") if new else (), strict=True))
        if len(self._known) > MAX_VECTORS:
            self._known.clear()
        self._known.update(known)
        return [known[text] for text in texts]


def _quotable(passages: Sequence[Passage]) -> list[Passage]:
    """The passages without anything that could be taken for one of our marks, such as their own "[7]"."""
    return [replace(one, text=unmarked(visible(one.text))) for one in passages]


def _compared(unit: Unit) -> str:
    return f"{unit.heading}. {unit.text}"[:COMPARED_CHARS]


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
        gap = " " if spoken or first.kind == "prose" else "\n\n"
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
