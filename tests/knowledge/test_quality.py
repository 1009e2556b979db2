"""The real embedder, a small manual, and questions a stranger would ask."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from questions import ANSWERABLE, UNANSWERABLE

from nexus_voice.core.chat import Passage, Prompt
from nexus_voice.engines.extractive.advice import NOT_FOUND
from nexus_voice.engines.extractive.llm import ExtractiveLlm
from nexus_voice.engines.onnx_text.minilm import MiniLmEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.seeding import seed
from nexus_voice.ports import Embedder
from nexus_voice.text.citations.citation_marks import unmarked

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MANUAL = Path(__file__).parent / "data"


@dataclass
class Assistant:
    base: KnowledgeBase
    llm: ExtractiveLlm
    names: dict[str, str]

    async def recall(self, question: str) -> list[Passage]:
        return await self.base.recall(question)

    async def answer(self, question: str, spoken: bool) -> str:
        prompt = Prompt(question, passages=tuple(await self.recall(question)), spoken=spoken)
        return unmarked("".join([piece async for piece in self.llm.stream(prompt) if isinstance(piece, str)]))


@asynccontextmanager
async def assistant(path: Path, embedder: Embedder | None) -> AsyncIterator[Assistant]:
    async with KnowledgeBase(path, embedder) as base:
        await seed(base, MANUAL)
        names = {document.id: document.name.removeprefix("seed/") for document in await base.documents()}
        yield Assistant(base, ExtractiveLlm(embedder), names)


@pytest.mark.parametrize("lexical", [False, True], ids=["vectors", "words"])
async def test_the_manual_answers_its_questions(tmp_path: Path, models: Path, lexical: bool) -> None:
    async with (
        MiniLmEmbedder(models) as embedder,
        assistant(tmp_path, None if lexical else embedder) as asked,
    ):
        recalled = 0
        for question, document, phrase in ANSWERABLE:
            passages = await asked.recall(question)
            recalled += any(
                asked.names[passage.document] == document and phrase.lower() in passage.text.lower()
                for passage in passages
            )
        assert recalled >= 0.9 * len(ANSWERABLE)
        for spoken in (True, False):
            wrong = [
                question
                for question, _, phrase in ANSWERABLE
                if phrase.lower() not in (await asked.answer(question, spoken)).lower()
            ]
            assert len(wrong) <= 0.2 * len(ANSWERABLE), wrong
            guessed = [
                question
                for question in UNANSWERABLE
                if not (await asked.answer(question, spoken)).startswith(NOT_FOUND)
            ]
            assert len(guessed) <= 0.2 * len(UNANSWERABLE), guessed


async def test_a_spoken_answer_is_short_and_names_its_source(tmp_path: Path, models: Path) -> None:
    async with MiniLmEmbedder(models) as embedder, assistant(tmp_path, embedder) as asked:
        for question, _, _ in ANSWERABLE:
            answer = await asked.answer(question, spoken=True)
            if answer.startswith(NOT_FOUND):
                continue
            assert answer.startswith("From “")
            assert len(answer) < 450
            assert "\n" not in answer
        command = await asked.answer("how do i make a backup", spoken=False)
        assert command.startswith("From “Configuration”: To make one yourself, run:")
        assert command.endswith("\n\n```\nbirdhouse backup /path/to/folder\n```")
