"""Measures how many questions are answered right without a language model: the real search, embedder and
answerer over docs/ and a few documents such as people have."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from nexus_voice.cli.configure import settings
from nexus_voice.core.chat import Prompt
from nexus_voice.engines.extractive.llm import ExtractiveLlm
from nexus_voice.engines.onnx_text.minilm import MiniLmEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.text.citations.citation_marks import unmarked

from .questions import HERE, NO_ANSWER, Case, cases, share

DOCUMENT_FOLDERS = (HERE.parents[1] / "docs", HERE / "documents")


@dataclass(frozen=True, slots=True)
class Judged:
    case: Case
    question: str
    answer: str
    fault: str


@asynccontextmanager
async def answerer(folder: Path, models: Path) -> AsyncIterator[tuple[KnowledgeBase, ExtractiveLlm]]:
    """A knowledge base in `folder` with all documents, and the answerer with the same embedder."""
    async with MiniLmEmbedder(models) as embedder, KnowledgeBase(folder, embedder) as base:
        for path in sorted(path for of in DOCUMENT_FOLDERS for path in of.iterdir() if path.suffix != ".svg"):
            await base.ingest(path.name, path.read_bytes())
        yield base, ExtractiveLlm(embedder)


async def asked(folder: Path, models: Path, spoken: bool = True) -> list[Judged]:
    """Every wording of every question, answered and judged."""
    judged: list[Judged] = []
    async with answerer(folder, models) as (base, llm):
        for case in cases():
            for question in case.wordings:
                prompt = Prompt(question, passages=tuple(await base.recall(question)), spoken=spoken)
                parts = [piece async for piece in llm.stream(prompt) if isinstance(piece, str)]
                answer = unmarked("".join(parts))
                judged.append(Judged(case, question, answer, case.fault(question, answer)))
    return judged


def right(judged: list[Judged], answerable: bool, held_out: bool) -> float:
    """The share of right answers, or of refusals where there is no answer."""
    return share([
        one.fault
        for one in judged
        if (one.case.kind != NO_ANSWER) == answerable and one.case.held_out == held_out
    ])  # fmt: skip


def table(judged: list[Judged]) -> Iterator[str]:
    """The shares by kind, in all and of those that are held out."""
    yield f"{'kind':10} {'asked':>5} {'right':>6}   {'held out':>8} {'right':>6}"
    kinds = dict.fromkeys(one.case.kind for one in judged if one.case.kind != NO_ANSWER)
    groups = [(kind, [one for one in judged if one.case.kind == kind]) for kind in kinds]
    groups.append(("answerable", [one for one in judged if one.case.kind != NO_ANSWER]))
    groups.append(("refused", [one for one in judged if one.case.kind == NO_ANSWER]))
    for name, group in groups:
        held = [one for one in group if one.case.held_out]
        parts = (
            len(group),
            share([one.fault for one in group]),
            len(held),
            share([one.fault for one in held]),
        )
        yield "{:10} {:5} {:6.1%}   {:8} {:6.1%}".format(name, *parts)


def answers(shown: bool) -> None:
    """Print the table and every failure. `shown`: answers for the screen, not for the voice."""
    with tempfile.TemporaryDirectory() as folder:
        judged = anyio.run(asked, Path(folder), settings().data_dir / "models", not shown)
    for one in judged:
        if one.fault:
            held = ", held out" if one.case.held_out else ""
            print(f"{one.case.kind}{held}: {one.question}\n  {one.fault}: {' '.join(one.answer.split())}")
    print("\n".join(table(judged)))
