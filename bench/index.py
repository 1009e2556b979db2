"""Measures the knowledge base's index: how fast it opens, answers and ingests, on SQLite and PostgreSQL.

The text is generated: words by Zipf's law, in documents about topics. The chunks' vectors are generated near
those of their topics; the questions are embedded by the real embedder.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import numpy as np

from nexus_voice.core.access import DEFAULT, EVERYONE, PUBLIC, Scope
from nexus_voice.engines.onnx_text.minilm import MiniLmEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.documents import library, permissions
from nexus_voice.knowledge.documents.records import Origin
from nexus_voice.knowledge.index.protocol import embed, unembedded
from nexus_voice.knowledge.reading.chunks import Chunk, Reading
from nexus_voice.knowledge.store import open_index
from nexus_voice.storage.database import FILE, Database
from nexus_voice.storage.schema import collections
from nexus_voice.text.words import STOP_WORDS

from . import figures, machine

VOCABULARY, GRAMMAR = 50_000, 20
"""The number of words, and how many of the most frequent ones are stop words, which a search ignores. The
next most frequent word is in a third of all chunks."""
TOPICS, TOPIC_WORDS = 500, 40
WORDS, CHUNKS = 100, 20
"""Words of a chunk, which has about 650 characters, and chunks of a document."""
DIMENSIONS = 384
TOPIC_NEARNESS = 0.7
"""How near a chunk's vector is to that of its topic, from 0 to 1."""
QUESTIONS = 200
SECOND_COLLECTION_EVERY = 10
"""One of this many documents is in a second collection."""
SECOND = "second"
KEY = f"{MiniLmEmbedder.name}/{DIMENSIONS}"


class Corpus:
    """Generated documents and questions, the same in every run."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        self._numbers = np.random.default_rng(7)
        letters = "etaoinshrdlucmfwypvbgk"
        made = {
            "".join(self._random.choices(letters, k=self._random.randint(4, 10))): None for _ in range(60_000)
        }
        grammar = [word for word in sorted(STOP_WORDS) if word.isalpha()][:GRAMMAR]
        self.words = [*grammar, *list(made)[: VOCABULARY - GRAMMAR]]
        self._weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
        self.topics = [self._random.sample(self.words[500:], TOPIC_WORDS) for _ in range(TOPICS)]
        self.centres = unit(self._numbers.standard_normal((TOPICS, DIMENSIONS), dtype=np.float32))

    def document(self, number: int) -> tuple[Reading, np.ndarray[Any, Any]]:
        topic = number % TOPICS
        chunks = [Chunk(self._text(topic), (f"Part {place // 4}",), place * 600) for place in range(CHUNKS)]
        spread = unit(self._numbers.standard_normal((CHUNKS, DIMENSIONS), dtype=np.float32))
        return (
            Reading(f"About {self.topics[topic][0]} {number}", "text/plain", None, chunks),
            unit(TOPIC_NEARNESS * self.centres[topic] + (1 - TOPIC_NEARNESS) * spread),
        )

    def questions(self) -> list[str]:
        """Questions of five to ten words: one or two of a topic, the others by their frequency."""
        found = []
        for number in range(QUESTIONS):
            rare = self._random.sample(self.topics[number % TOPICS], self._random.randint(1, 2))
            common = self._common(self._random.randint(4, 8))
            found.append(" ".join([*common, *rare]))
        return found

    def _text(self, topic: int) -> str:
        words = self._common(WORDS)
        for _ in range(6):
            words[self._random.randrange(WORDS)] = self._random.choice(self.topics[topic])
        return " ".join(words)

    def _common(self, count: int) -> list[str]:
        return self._random.choices(self.words, cum_weights=self._weights, k=count)


def unit(matrix: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


class Writer:
    """Writes documents with their vectors. `seconds` is how long that took, without generating them."""

    def __init__(self, database: Database) -> None:
        self._corpus, self._database, self._index = Corpus(), database, open_index(database)
        self.seconds = 0.0

    def put(self, number: int) -> None:
        reading, made = self._corpus.document(number)
        collection = SECOND if number % SECOND_COLLECTION_EVERY == 0 else DEFAULT
        begun = time.perf_counter()
        with self._database.write() as connection:
            info, _ = library.put(
                connection, Origin(f"{number}.txt", collection), reading, digest="", size=0, original=None
            )
        with self._database.read() as connection:
            ids = [id for id, _, _ in unembedded(connection, KEY, CHUNKS, 0, info.id)]
        with self._database.write() as connection:
            embed(connection, self._index, KEY, ids, made)
        self.seconds += time.perf_counter() - begun


def filled(at: Path | str, chunks: int) -> float:
    """Write so many chunks with their vectors. Returns chunks per second."""
    database = Database(at)
    with database.write() as connection:
        insert = collections.insert().values(id=SECOND, name="Second", created=datetime.now(UTC))
        connection.execute(insert)
        permissions.grant(connection, SECOND, EVERYONE, "reader", None)
    writer = Writer(database)
    for number in range(chunks // CHUNKS):
        writer.put(number)
    if database.postgres:  # as autovacuum does a minute later
        with database.write() as connection:
            connection.exec_driver_sql("ANALYZE")
    database.close()
    return chunks / writer.seconds


async def asked(at: Path | str, models: Path) -> dict[str, Any]:
    """Open the knowledge base and ask questions; then change documents between the questions."""
    corpus = Corpus()
    questions = corpus.questions()
    async with MiniLmEmbedder(models) as embedder:
        await embedder.embed(["ready?"], "query")
        before = machine.resident_bytes([os.getpid()])
        begun = time.perf_counter()
        async with KnowledgeBase(at, embedder) as base:
            await base.candidates("ready?", PUBLIC, 1)
            opened = time.perf_counter() - begun
            memory = machine.resident_bytes([os.getpid()]) - before
            within = Scope(collections=frozenset({SECOND}))

            async def all(scope: Scope, change: Callable[[int], object] = lambda _: None) -> dict[str, float]:
                """Ask each question once, with one more question mark, so that no cached question matches."""
                times = []
                for number, question in enumerate(questions):
                    change(number)
                    questions[number] = question + "?"
                    begun = time.perf_counter()
                    await base.recall(question, scope=scope)
                    times.append(time.perf_counter() - begun)
                return figures.spread(times)

            writer = Writer(await base.store.open())
            return {
                "open_s": round(opened, 3),
                "memory_mb": round(memory / 1e6, 1),
                "first_ms": await all(PUBLIC),
                "query_ms": await all(PUBLIC),
                "query_in_a_tenth_ms": await all(within),
                "query_after_addition_ms": await all(PUBLIC, lambda n: writer.put(1_000_000 + n)),
                "query_after_replacement_ms": await all(PUBLIC, writer.put),
                "embedding_ms": figures.spread([await embedding(embedder, one) for one in questions]),
            }


async def embedding(embedder: MiniLmEmbedder, question: str) -> float:
    begun = time.perf_counter()
    await embedder.embed([question], "query")
    return time.perf_counter() - begun


def ask(at: Path | str, models: Path) -> dict[str, Any]:
    return anyio.run(asked, at, models)


def once(at: Path | str, chunks: int, models: Path) -> dict[str, Any]:
    rate = filled(at, chunks)
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        return {"chunks": chunks, "taken_in_per_s": round(rate), **fresh.submit(ask, at, models).result()}


def measured(chunks: int) -> dict[str, Any]:
    from tests.postgres import running  # what only the tests need otherwise

    with TemporaryDirectory(prefix="nexus-bench-") as folder:
        models, file = Path(folder, "models"), Path(folder, "base")
        sqlite = once(file, chunks, models) | {"disk_mb": round((file / FILE).stat().st_size / 1e6)}
        with running("shared_buffers=512MB") as url:
            return {"sqlite": sqlite, "postgres": once(url, chunks, models)}


def index(reps: int, chunks: int) -> None:
    machine.settle(None)
    runs = [measured(chunks) for _ in range(reps)]
    for name, run in figures.median_of(runs).items():
        print(
            f"index, {name}, {run['chunks']:,} chunks: opens in {run['open_s']} s, answers in"
            f" {run['query_ms']['p50']}/{run['query_ms']['p95']} ms, {run['taken_in_per_s']} chunks/s in"
        )
    figures.save("index", runs)
