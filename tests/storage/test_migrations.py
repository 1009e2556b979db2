"""A base of every version that was ever released is taken over; one that is newer is left alone."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from forked import script
from knowledge import looking
from nexus_voice.core.access import DEFAULT, SEED
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.documents import library
from nexus_voice.knowledge.documents.records import Origin
from nexus_voice.storage import migrations, schema
from nexus_voice.storage.database import FILE, Database
from postgres import execute, named

pytestmark = pytest.mark.anyio

DOCUMENTS = """
CREATE TABLE documents (id VARCHAR(32) PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    digest VARCHAR(64) NOT NULL, bytes INTEGER NOT NULL, added DATETIME NOT NULL);
INSERT INTO documents VALUES ('d', 'pump.md', 'Pump', 'x', 9, '2026-01-01 00:00:00.000000');
INSERT INTO documents VALUES ('s', 'seed/deep/oven.md', 'Oven', 'y', 8, '2026-01-02 00:00:00.000000');
"""
WORD_INDEX = """
CREATE VIRTUAL TABLE chunks_fts USING fts5(heading, text, content='chunks', content_rowid='id',
    tokenize='porter unicode61 remove_diacritics 2');
CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
    INSERT INTO chunks_fts(rowid, heading, text) VALUES (new.id, new.heading, new.text); END;
CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
    INSERT INTO chunks_fts(chunks_fts, rowid, heading, text)
    VALUES ('delete', old.id, old.heading, old.text); END;
"""
VERSION_1 = f"""{DOCUMENTS}
CREATE TABLE chunks (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, document_id VARCHAR(32) NOT NULL,
    position INTEGER NOT NULL, path JSON NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
    embedder TEXT, embedding BLOB, FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE);
CREATE INDEX chunks_document ON chunks (document_id);
CREATE INDEX chunks_embedder ON chunks (embedder);
CREATE TABLE state (id INTEGER NOT NULL PRIMARY KEY, revision INTEGER NOT NULL);
INSERT INTO state VALUES (1, 7);
PRAGMA user_version = 1;
{WORD_INDEX}
"""
VERSION_2 = f"""{DOCUMENTS}
CREATE TABLE chunks (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, document_id VARCHAR(32) NOT NULL,
    position INTEGER NOT NULL, path JSON NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
    FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE);
CREATE INDEX chunks_document ON chunks (document_id);
CREATE TABLE vectors (embedder TEXT NOT NULL, chunk_id INTEGER NOT NULL, embedding BLOB NOT NULL,
    PRIMARY KEY (embedder, chunk_id), FOREIGN KEY(chunk_id) REFERENCES chunks (id) ON DELETE CASCADE);
CREATE INDEX vectors_chunk ON vectors (chunk_id);
CREATE TABLE state (id INTEGER NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, embedder TEXT);
INSERT INTO state VALUES (1, 7, 'fake/64');
PRAGMA user_version = 2;
{WORD_INDEX}
"""
CHUNKS = [
    (5, "d", 0, "[]", "Pump", "It is blue."),
    (6, "d", 20, '["Part"]', "Pump › Part", "It is heavy."),
    (9, "s", 0, "[]", "Oven", "It heats bread."),
]


class Counting(FakeEmbedder):
    texts = 0

    async def embed(self, texts: Sequence[str], kind: Any) -> Any:
        self.texts += len(texts) * (kind == "passage")
        return await super().embed(texts, kind)


@pytest.mark.parametrize("version", [1, 2])
async def test_a_base_from_before_migrations_keeps_everything(tmp_path: Path, version: int) -> None:
    embedder = Counting()
    blue, oven = await embedder.embed(["It is blue.", "It heats bread."], "query")
    with sqlite3.connect(tmp_path / FILE) as file:
        file.executescript(VERSION_1 if version == 1 else VERSION_2)
        vectors = {5: blue.astype("<f4").tobytes(), 9: oven.astype("<f4").tobytes()}
        for chunk in CHUNKS:
            more = ("fake" if chunk[0] in vectors else None, vectors.get(chunk[0])) if version == 1 else ()
            file.execute(f"INSERT INTO chunks VALUES ({','.join('?' * len(chunk + more))})", chunk + more)
        if version == 2:
            for id, vector in vectors.items():
                file.execute("INSERT INTO vectors VALUES ('fake/64', ?, ?)", (id, vector))
                file.execute("INSERT INTO vectors VALUES ('half-read/8', ?, ?)", (id, bytes(32)))
    file.close()
    async with KnowledgeBase(tmp_path, embedder) as base:
        status = await base.progress()
        assert (status.embedder, status.done, status.total) == ("fake", 2, 3)
        assert [passage.text for passage in await base.recall("heavy")] == ["It is heavy."]
        (best, *_) = await base.recall("is it blue")
        assert (best.text, best.document, best.title) == ("It is blue.", "d", "Pump")
        await base.ready()
        assert embedder.texts == 1
        pump, seed = await base.find(Origin("pump.md")), await base.find(Origin("deep/oven.md", SEED, "seed"))
        assert pump
        assert seed
        assert (pump.id, pump.collection, pump.chunks, pump.bytes, pump.digest) == ("d", DEFAULT, 2, 9, "x")
        assert (pump.added.isoformat(), pump.original) == ("2026-01-01T00:00:00+00:00", None)
        assert (seed.id, seed.title, seed.chunks) == ("s", "Oven", 1)
        assert [(one.id, one.position, one.path) for one in await base.chunks_of("d")] == [
            (5, 0, ()),
            (6, 20, ("Part",)),
        ]
        replaced = await base.ingest("pump.md", b"It is green.")
        assert (replaced.id, replaced.status) == ("d", "updated")
    looking.check(tmp_path)
    assert looking.rows(tmp_path, "PRAGMA user_version") == [(3,)]  # programs of those versions refuse it
    assert looking.rows(tmp_path, "SELECT max(id) > 9 FROM chunks") == [(1,)]
    names = {name for (name,) in looking.rows(tmp_path, "SELECT name FROM sqlite_master")}
    assert not [name for name in names if name.startswith("old_")]


async def test_a_base_of_an_older_migration_gets_what_came_later(unmigrated: Path | str) -> None:
    """Columns, and a word index that finds the words of all scripts."""
    at = unmigrated
    with connected(at) as connection, connection.begin():
        migrations.upgrade(connection, "0001")
    for statement in (
        """INSERT INTO documents (id, collection_id, source, name, title, type, digest, fingerprint, bytes,
            chunks, added)
            VALUES ('d', 'default', 'upload', 'a.md', '仓库', '', '', '', 1, 3, '2026-01-01 00:00:00')""",
        "INSERT INTO chunks (document_id, position, path, heading, text) VALUES"
        " ('d', 0, '[]', '仓库', '备用钥匙放在红色柜子里。'), ('d', 50, '[]', 'A', 'The straße has a café.'),"
        " ('d', 99, '[]', 'A', 'It’s plain “English”.')",
    ):
        change(at, statement)
    database = Database(at)
    with database.read() as connection:
        (document,) = library.listing(connection, None)
        assert (document.warnings, document.reader) == ((), 0)
    database.close()
    assert version_of(at) == schema.HEAD
    assert [text is None for (text,) in looking.rows(at, "SELECT text_words FROM chunks ORDER BY id")] == [
        False,
        False,
        True,
    ]
    async with KnowledgeBase(at, None) as base:
        for question, text in (
            ("钥匙", "备用钥匙放在红色柜子里。"),
            ("仓库", "备用钥匙放在红色柜子里。"),
            ("cafe", "The straße has a café."),
            ("strasse", "The straße has a café."),
            ("plain english", "It’s plain “English”."),
        ):
            assert [one.text for one in await base.recall(question)] == [text]
        await base.ingest("a.md", "图书馆".encode())
        assert len(await base.recall("图书馆")) == 1
        assert await base.recall("钥匙") == []
    looking.check(at)


@pytest.fixture(params=["sqlite", "postgres"])
def unmigrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Where there are no tables yet."""
    if request.param == "sqlite":
        yield tmp_path
        return
    server = request.getfixturevalue("postgres_server")
    execute(server, "CREATE DATABASE nexus_unmigrated")
    yield named(server, "nexus_unmigrated")
    execute(server, "DROP DATABASE nexus_unmigrated WITH (FORCE)")


def test_a_newer_base_is_left_alone(at: Path | str) -> None:
    database = Database(at)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(EngineError, match="newer version") as caught:
        Database(at)
    assert caught.value.code == "knowledge_too_new"
    assert version_of(at) == "9999"


def test_a_migration_that_fails_leaves_the_base_as_it_was(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as file:
        file.executescript(VERSION_2)
        file.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)", CHUNKS)
        file.execute("INSERT INTO vectors VALUES ('fake/64', 5, ?)", (b"odd",))
    before = [*file.iterdump()]
    file.close()
    with pytest.raises(ValueError, match="buffer"):
        Database(tmp_path)
    with sqlite3.connect(tmp_path / FILE) as file:
        assert [*file.iterdump()] == before
    file.close()


def test_the_tables_are_as_the_migrations_make_them(at: Path | str) -> None:
    own = ("alembic_version", "vectors", "touched", "words", "chunks_words")  # in the migrations only

    def ours(name: str | None, kind: str, parents: dict[str, str | None]) -> bool:
        return kind == "schema" or not (name in own or str(name).startswith("chunks_fts"))

    database = Database(at)
    try:
        with database.read() as connection:
            options = {"include_name": ours, "compare_type": True, "target_metadata": schema.metadata}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, schema.metadata) == []
    finally:
        database.close()
    heads = ScriptDirectory(str(Path(migrations.__file__).parent)).get_heads()
    assert heads == [schema.HEAD]


OPEN = Path(__file__).with_name("open_database.py")


def test_of_processes_that_start_at_once_one_makes_the_tables(tmp_path: Path, postgres_server: str) -> None:
    execute(postgres_server, "CREATE DATABASE nexus_race")
    for at in (tmp_path / "base", named(postgres_server, "nexus_race")):
        with ExitStack() as stack:
            racing = [stack.enter_context(script(OPEN, str(at))) for _ in range(4)]
            assert [one.wait() for one in racing] == [0] * 4
        assert looking.count(at, "collections") == 2
        assert looking.rows(at, "SELECT count(*), sum(revision) FROM state") == [(1, 0)]
    execute(postgres_server, "DROP DATABASE nexus_race")


def change(at: Path | str, statement: str) -> None:
    """Past the migrations."""
    with connected(at) as connection, connection.begin():
        connection.execute(sa.text(statement))


def version_of(at: Path | str) -> str:
    with connected(at) as connection:
        return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))


@contextmanager
def connected(at: Path | str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(
        sa.make_url(at).set(drivername="postgresql+psycopg")
        if isinstance(at, str)
        else f"sqlite:///{at / FILE}"
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def test_vectors_keep_their_direction_in_half_precision() -> None:
    numbers = np.random.default_rng(1).standard_normal((100, 384)).astype(np.float32)
    whole = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    halves = whole.astype("<f2").astype(np.float32)
    assert np.abs(whole @ whole.T - whole @ halves.T).max() < 2e-4
