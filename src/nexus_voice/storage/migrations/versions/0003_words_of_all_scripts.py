"""Words of all scripts: without accents, and in groups of signs where no spaces part them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from nexus_voice.text.folding import indexed

revision, down_revision = "0003", "0002"

BATCH_CHUNKS = 1_000

SQLITE_BEFORE = (
    "DROP TRIGGER chunks_added",
    "DROP TRIGGER chunks_deleted",
    "DROP TABLE chunks_fts",
)
SQLITE = (
    """CREATE VIEW chunks_indexed AS SELECT id, coalesce(heading_words, heading) AS heading,
        coalesce(text_words, text) AS text FROM chunks""",
    """CREATE VIRTUAL TABLE chunks_fts USING fts5(
        heading, text, content='chunks_indexed', content_rowid='id',
        tokenize="porter unicode61 remove_diacritics 2 categories 'L* N* Co M*'")""",
    "INSERT INTO chunks_fts(chunks_fts) VALUES ('rebuild')",
    """CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
        INSERT INTO chunks_fts(rowid, heading, text) VALUES (
            new.id, coalesce(new.heading_words, new.heading), coalesce(new.text_words, new.text));
    END""",
    """CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
        INSERT INTO chunks_fts(chunks_fts, rowid, heading, text) VALUES (
            'delete', old.id, coalesce(old.heading_words, old.heading), coalesce(old.text_words, old.text));
        INSERT INTO touched (chunk_id) VALUES (old.id);
    END""",
)
"""The marks of a script are parts of its words (`M*`)."""

POSTGRES = (
    "ALTER TABLE chunks ALTER COLUMN words DROP EXPRESSION",
    """CREATE OR REPLACE FUNCTION nexus_plain(body text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN translate(lower(body), $$!"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~’$$, repeat(' ', 33))""",
    """CREATE FUNCTION nexus_index() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        new.words :=
            setweight(to_tsvector('nexus', nexus_plain(coalesce(new.heading_words, new.heading))), 'A')
            || setweight(to_tsvector('nexus', nexus_plain(coalesce(new.text_words, new.text))), 'B');
        RETURN new;
    END $$""",
    """CREATE TRIGGER chunks_indexed BEFORE INSERT OR UPDATE OF heading_words, text_words ON chunks
        FOR EACH ROW EXECUTE FUNCTION nexus_index()""",
)
"""What is not folded by us is ASCII. The rows of before need no new words unless they are folded."""


def upgrade() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    for statement in SQLITE_BEFORE if sqlite else ():
        op.execute(statement)
    op.add_column("chunks", sa.Column("heading_words", sa.Text()))
    op.add_column("chunks", sa.Column("text_words", sa.Text()))
    for statement in () if sqlite else POSTGRES:
        op.execute(statement)
    fold(connection)
    for statement in SQLITE if sqlite else ():
        op.execute(statement)


def fold(connection: sa.Connection) -> None:
    """Note the words of those chunks that are not indexed as they are written."""
    rows = sa.text("SELECT id, heading, text FROM chunks WHERE id > :after ORDER BY id LIMIT :batch")
    update = sa.text("UPDATE chunks SET heading_words = :heading, text_words = :text WHERE id = :id")
    after: int | None = -1
    while after is not None:
        batch = connection.execute(rows, {"after": after, "batch": BATCH_CHUNKS}).all()
        found = [(id, indexed(heading), indexed(text)) for id, heading, text in batch]
        new = [{"id": id, "heading": h, "text": t} for id, h, t in found if h is not None or t is not None]
        if new:
            connection.execute(update, new)
        after = batch[-1][0] if batch else None
