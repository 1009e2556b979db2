"""`python -m bench retrieval`: how well, and how fast, the questions of a public set find their documents."""

from __future__ import annotations

import html
import sys
import tempfile
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import anyio
import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from nexus_voice.core.access import PUBLIC
from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.base import MAX_CANDIDATES, KnowledgeBase, SearchBy
from nexus_voice.knowledge.search.reranking import Reranking
from nexus_voice.settings import Settings
from nexus_voice.supply.choices import available, choices
from nexus_voice.supply.discovery import pulled
from nexus_voice.supply.offers import Found, missing
from nexus_voice.supply.supply import make

from .datasets import Dataset, Document, load
from .ranking import Figures, figures

WAYS: dict[str, SearchBy] = {
    "lexical": "words",
    "vector": "meaning",
    "hybrid": "both",
    "hybrid+rerank": "both",
}


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one way to search; `p50` and `p95` are milliseconds per question."""

    figures: Figures
    p50: float
    p95: float


def retrieval(
    settings: Settings, path: Path, *, limit: int | None, rerank: bool | None, as_json: bool
) -> None:
    """Ingest the set into a new knowledge base, ask its questions, and print the figures.

    `rerank`: whether to measure the reranker as well; by default if its model is pulled. Raises `BadInput`
    when the file is wrong, or when `rerank` is True and there is no reranker.
    """
    dataset, found = load(path, limit), Found(pulled(settings))
    wanted = {port: available(choices(port, settings, found)[:1]) for port in ("embedder", "reranker")}
    if not wanted["embedder"]:
        raise BadInput(
            "There is no embedder to measure: see NEXUS_EMBEDDER__KIND.", code="engine_unavailable"
        )
    if rerank and not wanted["reranker"]:
        raise BadInput(missing("reranker", "crossencoder"), code="engine_unavailable")
    if rerank is False:
        wanted["reranker"] = []

    async def measure() -> dict[str, Any]:
        async with AsyncExitStack() as stack:
            engines: list[Any] = []
            for engine in (make(one) for chain in wanted.values() for one in chain):
                if isinstance(engine, AbstractAsyncContextManager):
                    await stack.enter_async_context(engine)
                engines.append(engine)
            embedder, reranker, *_ = [*engines, None]
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nexus-voice-")))
            with Console(stderr=True).status("") as status:
                if as_json or not status.console.is_terminal:
                    status.stop()
                return await measured(dataset, folder, embedder, reranker, status.update)

    body = anyio.run(measure)
    if as_json:
        sys.stdout.write(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        show(body)


async def measured(dataset: Dataset, folder: Path, embedder: Any, reranker: Any, tell: Any) -> dict[str, Any]:
    """Take the measurements; returns everything that is printed. `tell` shows the progress."""
    began = perf_counter()
    async with KnowledgeBase(folder, None) as base:
        for number, (id, document) in enumerate(dataset.documents.items()):
            tell(f"Reading: {number:,} of {len(dataset.documents):,} documents")
            if document.text.strip() or document.title.strip():
                await base.ingest(id, page(document), "text/html")
        chunks = sum(one.chunks for one in await base.documents())
    read = perf_counter()
    async with KnowledgeBase(folder, embedder) as base:
        tell(f"Embedding {chunks:,} passages")
        await base.ready()
    embedded = perf_counter()
    ways: dict[str, Any] = {}
    for name, by in WAYS.items():
        if reranker or "rerank" not in name:
            tell(f"Asking {len(dataset.questions):,} questions: {name}")
            reranking = Reranking(reranker if "rerank" in name else None, within=float("inf"))
            async with KnowledgeBase(
                folder, embedder
            ) as base:  # a new one, because it caches the vectors of questions
                ways[name] = asdict(await asked(base, dataset, by, reranking))
    return {
        "dataset": dataset.name,
        "documents": len(dataset.documents),
        "chunks": chunks,
        "questions": len(dataset.questions),
        "embedder": embedder.name,
        "reranker": reranker.name if reranker else None,
        "chunks_per_second": {
            "words": chunks / (read - began),
            "words_and_vectors": chunks / (embedded - began),
        },
        "ways": ways,
    }


async def asked(base: KnowledgeBase, dataset: Dataset, by: SearchBy, reranking: Reranking) -> Result:
    """Ask all questions, one after the other."""
    names = {one.id: one.name for one in await base.documents()}
    await base.ready()
    times: list[float] = []
    rankings = []
    for id, question in dataset.questions.items():
        began = perf_counter()
        found = await base.candidates(question, PUBLIC, MAX_CANDIDATES, by)
        ranked = await reranking(question, found.chunks)
        times.append((perf_counter() - began) * 1e3)
        rankings.append((unique(names[chunk.document] for chunk, _ in ranked), dataset.grades[id]))
    times.sort()
    return Result(
        figures(rankings), times[len(times) // 2], times[min(len(times) - 1, int(0.95 * len(times)))]
    )


def unique(documents: Iterable[str]) -> list[str]:
    """Keep each document once, at the rank of its best passage."""
    return list(dict.fromkeys(documents))


def page(document: Document) -> bytes:
    """The document as an HTML page."""
    text = document.text.strip() or document.title
    paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in text.splitlines())
    title = f"<title>{html.escape(document.title)}</title>" if document.title else ""
    return f"<!doctype html><meta charset=utf-8>{title}<body>{paragraphs}".encode()


def show(body: dict[str, Any]) -> None:
    console = Console(highlight=False, markup=False)
    console.print(
        f"{body['dataset']}: {body['documents']:,} documents, {body['chunks']:,} passages, "
        f"{body['questions']:,} questions; {body['embedder']}"
        + (f", {body['reranker']}" if body["reranker"] else ", no reranker"),
        soft_wrap=True,
    )
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("", "recall@5", "MRR@10", "nDCG@10", "p50 ms", "p95 ms"):
        grid.add_column(title, justify="right" if title else "left", no_wrap=True)
    for name, way in body["ways"].items():
        found = [f"{value:.3f}" for value in way["figures"].values()]
        grid.add_row(name, *found, f"{way['p50']:.1f}", f"{way['p95']:.1f}")
    console.print(grid)
    speed = body["chunks_per_second"]
    console.print(
        f"Taken in: {speed['words']:,.0f} passages a second by words alone, "
        f"{speed['words_and_vectors']:,.0f} with their vectors.",
        soft_wrap=True,
    )
