"""Nothing that a document, a question or a web server brings holds the event loop."""

import random
import string
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio.lowlevel
import httpcore
import httpx
import pytest
import sqlalchemy as sa

from loop_time import MAX_HOLD_S, watching
from nexus_voice.core.errors import BadInput
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.ingest import fetch

pytestmark = pytest.mark.anyio


def written(sections: int, sentence: str) -> bytes:
    """Markdown, a chunk for each section."""
    dice = random.Random(1)
    shorts = ["".join(dice.choices(string.ascii_lowercase, k=2)) for _ in range(600)]
    parts = [
        f"# Part {part}\n\n{sentence.format(part)} " + " ".join(dice.sample(shorts, 220))
        for part in range(sections)
    ]
    return "\n\n".join(parts).encode()


async def test_sentences_for_the_recogniser_are_cut_in_a_thread(tmp_path: Path) -> None:
    said = "Pump {0} is red. Is its button blue? It starts by itself, e.g. at night! "
    text = written(500, said * 5)
    async with KnowledgeBase(tmp_path, None) as base:
        await base.ingest("pumps.md", text)
        async with watching() as held:
            found = await base.sentences(5_000)
        assert len(found) > 1_000
        assert held.longest < MAX_HOLD_S


async def test_a_large_upload_is_hashed_in_a_thread(tmp_path: Path) -> None:
    async with KnowledgeBase(tmp_path, None) as base:
        await base.documents()
        data = bytes(60_000_000)
        async with watching() as held:
            with pytest.raises(BadInput, match="at most"):
                await base.ingest("zeros.txt", data)
        assert held.longest < MAX_HOLD_S


async def test_many_passages_are_compared_in_a_thread(tmp_path: Path) -> None:
    async with KnowledgeBase(tmp_path, FakeEmbedder()) as base:
        await base.ingest("pumps.md", written(120, "The pump is red."))
        await base.search("red pump")
        async with watching() as held:
            found = await base.search("pump", 100)
        assert len(found) == 100
        assert held.longest < MAX_HOLD_S


async def test_a_large_page_is_not_copied_once_more() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1_200):
            await anyio.lowlevel.checkpoint()  # as when a piece is waited for
            yield bytes(1 << 16)

    response = httpcore.Response(200, content=pieces())
    async with watching() as held:
        data = await fetch.body(response, httpx.Headers(), 100_000_000, "example.org")
    assert len(data) == 1_200 << 16
    assert held.longest < MAX_HOLD_S


@pytest.mark.parametrize("header", ['attachment; x="' + ";" * 20_000, "attachment" + ";a" * 10_000])
def test_a_server_cannot_make_the_reading_of_a_files_name_slow(header: str) -> None:
    headers = httpx.Headers([("content-disposition", header)])
    began = time.thread_time()
    assert fetch.name_of(httpx.URL("https://example.org/tea.pdf"), headers) == "tea.pdf"
    assert time.thread_time() - began < MAX_HOLD_S


@pytest.mark.parametrize("path", ["é" * 20_000, "%" * 40_000, "a/../" * 10_000])
def test_a_server_cannot_make_a_redirect_slow(path: str) -> None:
    began = time.thread_time()
    with pytest.raises(BadInput) as caught:
        fetch.moved(httpx.URL("https://example.org/"), f"/{path}")
    assert caught.value.code == "url_bad"
    assert time.thread_time() - began < MAX_HOLD_S


async def test_the_database_is_closed_in_a_thread(at: Path | str) -> None:
    """SQLite writes its log back into the file then, and PostgreSQL may be far away."""
    closed_by = set[int]()

    def note(*_: Any) -> None:
        closed_by.add(threading.get_ident())

    sa.event.listen(sa.Pool, "close", note)
    try:
        async with KnowledgeBase(at, None) as base:
            await base.documents()
            closed_by.clear()
    finally:
        sa.event.remove(sa.Pool, "close", note)
    assert closed_by
    assert threading.get_ident() not in closed_by
