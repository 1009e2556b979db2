"""Words are found in every script and however they are accented, and carry an answer by themselves where the
embedder knows English only."""

from pathlib import Path

import pytest
from other_scripts import ANSWERABLE, TEXTS, UNANSWERABLE

from nexus_voice.core.chat import Prompt
from nexus_voice.engines.extractive.advice import NOT_FOUND
from nexus_voice.engines.extractive.llm import ExtractiveLlm
from nexus_voice.engines.onnx_text.minilm import MiniLmEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.ports import Embedder
from nexus_voice.text.citations.citation_marks import unmarked

pytestmark = pytest.mark.anyio


async def answer(base: KnowledgeBase, question: str, embedder: Embedder | None, spoken: bool = True) -> str:
    prompt = Prompt(question, passages=tuple(await base.recall(question)), spoken=spoken)
    pieces = [piece async for piece in ExtractiveLlm(embedder).stream(prompt) if isinstance(piece, str)]
    return unmarked("".join(pieces))


async def filled(base: KnowledgeBase) -> None:
    for name, text in TEXTS.items():
        await base.ingest(name, text.encode())


async def test_questions_are_answered_by_words_on_both_databases(at: Path | str) -> None:
    async with KnowledgeBase(at, None) as base:
        await filled(base)
        wrong = [q for q, phrase in ANSWERABLE if phrase not in await answer(base, q, None)]
        assert len(wrong) <= 0.05 * len(ANSWERABLE), wrong
        guessed = [q for q in UNANSWERABLE if not (await answer(base, q, None)).startswith(NOT_FOUND)]
        assert len(guessed) <= 0.1 * len(UNANSWERABLE), guessed


@pytest.mark.slow
async def test_an_english_embedder_does_not_decide_about_other_scripts(tmp_path: Path, models: Path) -> None:
    async with MiniLmEmbedder(models) as embedder, KnowledgeBase(tmp_path, embedder) as base:
        await filled(base)
        for question in ("钥匙在哪里", "仓库的钥匙在哪里？"):
            said = await answer(base, question, embedder, spoken=False)
            assert said == "From “Notes”: 仓库的备用钥匙放在二楼的红色柜子里。"
        wrong = [q for q, phrase in ANSWERABLE if phrase not in await answer(base, q, embedder)]
        assert len(wrong) <= 0.05 * len(ANSWERABLE), wrong
        guessed = [q for q in UNANSWERABLE if not (await answer(base, q, embedder)).startswith(NOT_FOUND)]
        assert len(guessed) <= 0.1 * len(UNANSWERABLE), guessed
        english = ("Where is the printer?", "what is the capital of france", "How much is the rent?")
        for question in english:
            assert (await answer(base, question, embedder)).startswith(NOT_FOUND)


SPELLINGS = [
    ("The café opens at nine.", ["cafe", "café", "CAFÉ", "cafe\u0301", "Ｃａｆｅ"]),
    ("Frau Müller wohnt in der Straße.", ["Muller", "müller", "strasse", "STRASSE"]),
    ("The file ﬁnder runs.", ["finder"]),
    ("Ｐｏｒｔ ８１２３ is free.", ["port", "8123"]),
    ("ガソリンを入れる。", ["ｶﾞｿﾘﾝ", "ガソリン"]),
    ("Øre, Łódź, Æon.", ["ore", "lodz", "aeon"]),
    ("Поставьте ёлку здесь.", ["елку", "ЁЛКУ"]),
    ("Η Αθήνα είναι εδώ.", ["αθηνα", "ΑΘΗΝΑ"]),
    ("الْكِتَابُ هنا", ["الكتاب"]),
    ("किताब मेज़ पर है।", ["किताब"]),
    ("水は冷たい。", ["水", "冷"]),
]


async def test_other_spellings_of_a_word_are_found(at: Path | str) -> None:
    async with KnowledgeBase(at, None) as base:
        for number, (text, _) in enumerate(SPELLINGS):
            await base.ingest(f"{number}.txt", text.encode())
        for text, spellings in SPELLINGS:
            for spelling in spellings:
                assert [one.text for one in await base.recall(spelling)] == [text], spelling
