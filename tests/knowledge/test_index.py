"""Both indexes against a search that looks at every vector, through any order of changes by two processes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import looking
import numpy as np
import pytest
import sqlalchemy as sa

from nexus_voice.core.access import DEFAULT, EVERYONE, PUBLIC, Scope
from nexus_voice.knowledge.documents import library, permissions
from nexus_voice.knowledge.documents.records import Origin
from nexus_voice.knowledge.index import frequent, postgres, sqlite
from nexus_voice.knowledge.index import protocol as index
from nexus_voice.knowledge.index.protocol import Index
from nexus_voice.knowledge.reading.chunks import Chunk, Reading
from nexus_voice.knowledge.store import open_index
from nexus_voice.storage.database import Database
from postgres import execute

DIMENSIONS = 16
KEY = f"it's/a:model%s/{DIMENSIONS}"
"""A model's name may hold anything."""


@dataclass
class Process:
    """One of those that share the database. `truth`: chunk -> (its vector, its collection)."""

    database: Database
    index: Index
    truth: dict[int, tuple[Any, str]] = field(default_factory=dict)

    def put(self, name: str, texts: list[str], collection: str = DEFAULT) -> str:
        reading = Reading("T", "", None, [Chunk(text, (), place) for place, text in enumerate(texts)])
        origin = Origin(name, collection)
        with self.database.write() as connection:
            if known := library.find(connection, origin):
                self._gone(connection, known.id)
            info, _ = library.put(connection, origin, reading, digest="", size=0, original=None)
        return info.id

    def embed(self, document: str, vectors: Any, key: str = KEY) -> None:
        with self.database.write() as connection:
            rows = index.unembedded(connection, key, len(vectors), 0, document)
            ids = [id for id, _, _ in rows]
            index.embed(connection, self.index, key, ids, vectors[: len(ids)])
            info = library.document(connection, document, None)
            assert info
            self.truth |= {id: (one, info.collection) for id, one in zip(ids, vectors, strict=False)}

    def move(self, document: str, collection: str) -> None:
        with self.database.write() as connection:
            library.change(connection, document, None, collection, None, None)
            for chunk in library.chunks_of(connection, document, None):
                if chunk.id in self.truth:
                    self.truth[chunk.id] = self.truth[chunk.id][0], collection

    def delete(self, document: str) -> None:
        with self.database.write() as connection:
            self._gone(connection, document)
            assert library.delete(connection, document, None)

    def nearest(
        self, vector: Any, scope: Scope = PUBLIC, limit: int = 10, key: str = KEY
    ) -> list[int] | None:
        with self.database.read() as connection:
            seen = permissions.visible(connection, scope)
            others = {id for id in self.truth if id % 3 == 0}
            near = self.index.nearest(connection, key, vector, seen, limit, [*others, -1, 10**9])
            if near is None:
                return None
            assert set(near.cosines) == {*near.ids, *others}
            for id, cosine in near.cosines.items():
                assert cosine == pytest.approx(float(self.truth[id][0] @ vector), abs=2e-3)
            return near.ids

    def match(self, words: list[str], scope: Scope = PUBLIC, limit: int = 10) -> list[int]:
        with self.database.read() as connection:
            counts = self.index.frequencies(connection, words)
            seen = permissions.visible(connection, scope)
            found = self.index.match(connection, words, counts, seen, limit)
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert all(score > 0 for score in found.values())
        return list(found)

    def frequencies(self, *words: str) -> tuple[int, list[int]]:
        with self.database.read() as connection:
            return self.index.frequencies(connection, words)

    def check(self, vector: Any, scope: Scope, visible: set[str], limit: int) -> None:
        """As near as half precision tells, the nearest of all that may be seen, and as many as there are."""
        scores = {
            id: float(one @ vector) for id, (one, collection) in self.truth.items() if collection in visible
        }
        found = self.nearest(vector, scope, limit)
        if not self.truth:
            assert not found
            return
        assert found is not None
        assert len(set(found)) == len(found) == min(limit, len(scores))
        best = sorted(scores.values(), reverse=True)[: len(found)]
        assert [scores[id] for id in found] == pytest.approx(best, abs=2e-3)

    def _gone(self, connection: Any, document: str) -> None:
        for chunk in library.chunks_of(connection, document, None):
            self.truth.pop(chunk.id, None)


@pytest.fixture
def processes(at: Path | str) -> Iterator[tuple[Process, Process]]:
    truth: dict[int, tuple[Any, str]] = {}
    made = [Database(at), Database(at)]
    yield Process(made[0], open_index(made[0]), truth), Process(made[1], open_index(made[1]), truth)
    for one in made:
        one.close()
    looking.check(at)


def unit(numbers: np.random.Generator, count: int) -> Any:
    vectors = numbers.standard_normal((count, DIMENSIONS)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(4))
def test_the_nearest_are_the_nearest_whatever_changes(processes: tuple[Process, Process], seed: int) -> None:
    choose, numbers = random.Random(seed), np.random.default_rng(seed)
    with processes[0].database.write() as connection:
        made = [permissions.create(connection, f"C{number}", f"user:{number}").id for number in range(2)]
    scopes = [
        (PUBLIC, {DEFAULT}),
        (Scope(frozenset({"user:0"})), {made[0]}),
        (Scope(frozenset({EVERYONE, "user:0", "user:1"})), {DEFAULT, *made}),
        (Scope(frozenset({EVERYONE, "user:1"}), frozenset({made[1], made[0]})), {made[1]}),
        (Scope(frozenset()), set[str]()),
    ]
    documents: dict[str, tuple[str, str]] = {}
    for step in range(80):
        one = choose.choice(processes)
        action = choose.choice(["put", "put", "embed", "embed", "move", "delete"])
        if action == "put" or not documents:
            place = choose.choice([DEFAULT, *made])
            name = f"{choose.randrange(12)}"
            id = one.put(name, [f"text {step} {part}" for part in range(choose.randint(0, 9))], place)
            documents[id] = place, name
            one.embed(id, unit(numbers, choose.randint(1, 9)))
        elif action == "embed":
            one.embed(choose.choice([*documents]), unit(numbers, 9))
        elif action == "delete":
            id = choose.choice([*documents])
            one.delete(id)
            del documents[id]
        else:
            id, place = choose.choice([*documents]), choose.choice([DEFAULT, *made])
            name = documents[id][1]
            if (place, name) not in documents.values():
                one.move(id, place)
                documents[id] = place, name
        scope, visible = choose.choice(scopes)
        choose.choice(processes).check(unit(numbers, 1)[0], scope, visible, choose.choice([1, 5, 40]))
    for process in processes:
        for scope, visible in scopes:
            process.check(unit(numbers, 1)[0], scope, visible, 1000)


def test_a_scope_finds_its_own_however_many_others_are_nearer(processes: tuple[Process, Process]) -> None:
    one, _ = processes
    numbers = np.random.default_rng(1)
    with one.database.write() as connection:
        mine = permissions.create(connection, "Mine", "user:ada").id
    query = unit(numbers, 1)[0]
    near = query + 0.05 * unit(numbers, 2_000)
    one.embed(
        one.put("near", [f"pump {n}" for n in range(2_000)]), near / np.linalg.norm(near, axis=1)[:, None]
    )
    far = one.put("far", ["A pump in a longer text, which fits the word less well."] * 3, mine)
    one.embed(far, -unit(numbers, 3))
    scope = Scope(frozenset({"user:ada"}))
    own = {id for id, (_, collection) in one.truth.items() if collection == mine}
    assert set(one.nearest(query, scope) or []) == set(one.match(["pump"], scope)) == own
    assert len(own) == 3
    assert not own & {*(one.nearest(query) or []), *one.match(["pump"])}


def test_vectors_of_the_embedder_that_serves_are_searched_and_others_go(
    processes: tuple[Process, Process],
) -> None:
    one, other = processes
    numbers = np.random.default_rng(1)
    document = one.put("a", ["text 1", "text 2"])
    query = unit(numbers, 1)[0]
    assert one.nearest(query) is None
    one.embed(document, unit(numbers, 2))
    assert set(other.nearest(query) or []) == set(one.truth)
    new_key = f"new/{DIMENSIONS}"
    one.embed(document, unit(numbers, 2), new_key)
    assert one.nearest(query, key=new_key) is None
    with one.database.write() as connection:
        assert index.missing(connection, new_key, document) == (0, 2)
        assert index.count_vectors(connection, KEY) == (2, 2)
        one.index.prepare(connection, new_key)
        index.serve(connection, one.index, new_key)
        assert index.count_vectors(connection, KEY) == (0, 2)
    for process in processes:
        assert process.nearest(query) is None
        assert len(process.nearest(query, key=new_key) or []) == 2


def test_a_vector_made_again_replaces_the_one_before(processes: tuple[Process, Process]) -> None:
    one, other = processes
    document = one.put("a", ["text 1", "text 2"])
    first, second = np.eye(2, DIMENSIONS, dtype=np.float32)
    one.embed(document, np.stack([first, second]))
    ids = other.nearest(first)
    assert ids
    with one.database.write() as connection:
        index.embed(connection, one.index, KEY, [ids[0], 10**6], np.stack([-first, first]))
    one.truth[ids[0]] = -first, DEFAULT
    assert other.nearest(first) == one.nearest(first) == ids[::-1]


def test_a_process_that_was_away_for_long_catches_up(tmp_path: Path) -> None:
    """More has gone than is remembered."""
    made = [Database(tmp_path), Database(tmp_path)]
    truth: dict[int, tuple[Any, str]] = {}
    one, other = (Process(database, open_index(database), truth) for database in made)
    numbers = np.random.default_rng(1)
    for name in "abc":
        one.embed(one.put(name, [f"text {part}" for part in range(4_000)]), unit(numbers, 4_000))
    other.check(unit(numbers, 1)[0], PUBLIC, {DEFAULT}, 5)
    for name in "abc":
        one.embed(one.put(name, ["text 1", "text 2"]), unit(numbers, 2))
    for process in (other, one):
        process.check(unit(numbers, 1)[0], PUBLIC, {DEFAULT}, 50)
    assert looking.rows(tmp_path, "SELECT count(*) FROM touched") == [(10_000,)]
    for database in made:
        database.close()


def test_rare_words_lead_and_headings_count_more(processes: tuple[Process, Process]) -> None:
    one, _ = processes
    one.put("common", [f"pump number {number}" for number in range(50)])
    one.put("rare", ["pump with a valve"])
    with one.database.write() as connection:
        reading = Reading("Valves", "", None, [Chunk("Something else in it.", (), 0)])
        library.put(connection, Origin("title"), reading, digest="", size=0, original=None)
    found = one.match(["pump", "valves"], limit=3)
    with one.database.read() as connection:
        chunks = library.stored(connection, found, None)
    assert chunks[found[0]].title == "Valves"
    assert chunks[found[1]].text == "pump with a valve"
    assert one.frequencies("pump", "valves", "absent", "pumps") == (52, [51, 2, 0, 51])
    assert one.frequencies() == (52, [])
    assert one.match([]) == one.match(["absent"]) == one.match(["'", "!!", "x" * 3_000]) == []


def test_very_common_words_do_not_slow_a_search(
    processes: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sqlite, postgres):
        monkeypatch.setattr(module, "MAX_RANKED", 20)
    one, _ = processes
    one.put("common", [f"pump number {number}" for number in range(30)])
    one.put("rare", ["valve of a pump", "valve alone"])
    assert len(one.match(["pump", "valve"], limit=50)) == 2
    assert len(one.match(["pump"], limit=50)) == 31  # rather than nothing


def test_counts_of_words_follow_a_large_base_roughly(
    processes: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frequent, "MAX_EXACT_CHUNKS", 10)
    one, _ = processes
    one.put("many", [f"pump {number}" for number in range(200)])
    assert one.frequencies("pump") == (200, [200])
    one.put("one", ["pump"])
    assert one.frequencies("pump") == (201, [200])
    one.put("more", ["pump"] * 50)
    assert one.frequencies("pump") == (251, [251])
    for number in range(frequent.MAX_STALE_CHANGES + 1):
        one.put("one", [f"valve {number}"])
    assert one.frequencies("pump") == (251, [250])


def test_postgres_knows_common_words_from_its_statistics(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "MAX_COUNTED", 10)
    database = Database(postgres_url)
    one = Process(database, open_index(database))
    one.put("many", [f"pumps it's {number}" for number in range(200)])
    one.put("few", ["valve"] * 10)
    words = ["pump", "valve", "it's", "absent", "pump"]
    assert one.frequencies(*words) == (210, [11, 10, 11, 0, 11])
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE chunks")
    assert Process(database, open_index(database)).frequencies(*words) == (210, [200, 10, 11, 0, 200])
    database.close()


def test_postgres_finds_what_its_index_gives_up_on(postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    execute(postgres_url, f"ALTER DATABASE {name} SET hnsw.max_scan_tuples = 50")
    execute(postgres_url, f"ALTER DATABASE {name} SET enable_sort = off")  # else the planner would know
    database = Database(postgres_url)
    one = Process(database, open_index(database))
    numbers = np.random.default_rng(1)
    with database.write() as connection:
        mine = permissions.create(connection, "Mine", "user:ada").id
    query = unit(numbers, 1)[0]
    near = query + 0.05 * unit(numbers, 1_000)
    texts = [f"text {number}" for number in range(1_000)]
    one.embed(one.put("near", texts), near / np.linalg.norm(near, axis=1)[:, None])
    one.embed(one.put("far", ["far"] * 3, mine), -unit(numbers, 3))
    one.check(query, Scope(frozenset({"user:ada"})), {mine}, 10)
    database.close()


def test_postgres_searches_by_its_index(postgres_url: str) -> None:
    database = Database(postgres_url)
    one = Process(database, open_index(database))
    numbers = np.random.default_rng(1)
    for number in range(20):
        one.embed(one.put(f"{number}", [f"text {part}" for part in range(100)]), unit(numbers, 100))
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE")
    asked: list[Any] = []
    sa.event.listen(sa.Engine, "before_cursor_execute", note := lambda *call: asked.append(call[2:4]))
    try:
        assert one.nearest(unit(numbers, 1)[0])
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    (search,) = [(text, values) for text, values in asked if "ORDER BY" in text]
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {search[0]}", search[1]).scalars().all()
    database.close()
    assert any("vectors_hnsw_" in line for line in plan), plan
