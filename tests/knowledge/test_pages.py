"""Every sentence of an answer opens the page it stands on, however many pages its passage goes over."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
import written

from nexus_voice.core.chat import Generated, Passage, Prompt
from nexus_voice.engines.extractive.llm import ExtractiveLlm
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.reading.limits import Limits
from nexus_voice.knowledge.reading.read import read_here
from nexus_voice.ports import Llm, Tool
from nexus_voice.server.rag.text import pieces
from nexus_voice.talk.answer import Sources, answer
from nexus_voice.text.citations.citations import Statement

FACTS = {
    "Alder grows beside water and its wood resists rot.": "What grows beside water?",
    "Hornbeam wood was used for the cogs of mills.": "What was used for the cogs of mills?",
    "Spindle wood made knitting needles and skewers.": "What made knitting needles and skewers?",
    "Elm planks line the bottom of the old canal boats.": "What lines the bottom of the canal boats?",
    "Ash handles are fitted to hammers and axes.": "Which handles are fitted to hammers?",
    "Lime blossom is brewed as a tea against colds.": "What is brewed against colds?",
    "Box is so heavy that it sinks in a pond.": "What is so heavy that it sinks?",
    "Yew bows were exported by the Hanseatic League.": "Which bows were exported?",
    "Willow bark holds a remedy for headaches.": "What holds a remedy for headaches?",
    "Cherry stones are warmed to fill cushions.": "What is warmed to fill cushions?",
    "Larch shingles cover the roofs of alpine huts.": "What covers the roofs of alpine huts?",
    "Walnut shells dye wool in a deep brown.": "What dyes wool brown?",
}
PAGES = {fact: 2 * at + 1 for at, fact in enumerate(FACTS)}
"""Every second page is empty."""
TREES = written.pages([text for fact in FACTS for text in (fact, "")])


class Saying:
    """A language model that always writes the same."""

    name = "saying"

    def __init__(self, text: str) -> None:
        self.text = text

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[Generated]:
        yield self.text


async def cited(llm: Llm, question: str, passages: Sequence[Passage]) -> dict[str, list[Passage]]:
    """The sources of each statement."""
    sources: tuple[Passage, ...] = ()
    found: dict[str, list[Passage]] = {}
    async for piece in answer(llm, Prompt(question, passages=tuple(passages))):
        match piece:
            case Sources():
                sources = piece.passages
            case Statement(text, numbers) if text.strip():
                found[text.strip()] = [sources[number - 1] for number in numbers]
    return found


@pytest.mark.anyio
async def test_each_fact_is_cited_with_its_page(at: Path | str) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        added = await base.ingest("trees.pdf", TREES)
        for fact, question in FACTS.items():
            statements = await cited(ExtractiveLlm(), question, await base.recall(question))
            (text,) = [text for text in statements if fact in text]
            assert [(one.page, one.text) for one in statements[text]] == [(PAGES[fact], fact)]
        await base.change(added.id, title="Woods")  # makes new passages
        chunks = await base.chunks_of(added.id)
        assert {piece.text.strip(): piece.page for piece in pieces(chunks)} == PAGES
        assert [one.page for one in await base.recall("Which wood was used for mills?")] != []


@pytest.mark.anyio
async def test_what_a_model_writes_is_cited_with_the_page_of_the_likest_sentence() -> None:
    (chunk,) = read_here("trees.pdf", TREES, "", Limits()).chunks
    passage = Passage(chunk.text, "d", "Trees", page=chunk.page, page_starts=chunk.page_starts)
    other = Passage("Something about stones.", "e", "Stones")
    llm = Saying("Canal boats have a bottom of elm [2]. The League exported bows of yew [2]. Stones [1] too.")
    assert [
        [one.page for one in sources] for sources in (await cited(llm, "?", [other, passage])).values()
    ] == [
        [PAGES["Elm planks line the bottom of the old canal boats."]],
        [PAGES["Yew bows were exported by the Hanseatic League."]],
        [None],
    ]


def test_a_passage_is_cut_by_its_pages() -> None:
    passage = Passage(
        "one\n\ntwo\n\nthree", "d", "T", page=6, position=40, page_starts=((0, 6), (5, 7), (10, 9))
    )
    assert [(one.text, one.page, one.position) for one in passage.by_page()] == [
        ("one", 6, 40),
        ("two", 7, 45),
        ("three", 9, 50),
    ]
    whole = Passage("one", "d", "T", page=6)
    assert whole.by_page() == (whole,)
