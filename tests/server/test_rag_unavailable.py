"""A server whose database cannot be used says so, and is well again by itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import httpx
import pytest

from nexus_voice.server.app import assemble
from nexus_voice.server.rag import lifecycle as documents
from nexus_voice.storage import database as storage
from nexus_voice.storage.database import FILE, Database
from serving import fakes, serving

from .documents import BANANAS


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "BUSY_TIMEOUT_S", 0)
    monkeypatch.setattr(documents, "RETRY_S", 0.05)


def test_a_locked_database_is_no_error_of_ours(tmp_path: Path, hasty: None) -> None:
    with (
        serving(fakes(tmp_path)) as server,
        httpx.Client(base_url=server.url, timeout=20, trust_env=False) as http,
        closing(sqlite3.connect(tmp_path / "knowledge" / FILE, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        answer = http.post("/rag/ingest", files=[("files", BANANAS)])
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["error"]["code"] == "knowledge_busy"
        assert http.post("/rag/search", json={"query": "bananas"}).status_code == 200
        other.execute("ROLLBACK")
        assert http.post("/rag/ingest", params={"wait": 20}, files=[("files", BANANAS)]).status_code == 200


@pytest.mark.anyio
async def test_a_server_that_starts_before_its_database_becomes_ready(tmp_path: Path, hasty: None) -> None:
    settings = fakes(tmp_path)
    (tmp_path / "seed" / "weather.md").write_text("# Weather\n\nIt rains.")
    Database(tmp_path / "knowledge").close()
    with closing(sqlite3.connect(tmp_path / "knowledge" / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with assemble(settings) as state:
            with anyio.fail_after(20):
                while "in use" not in state.parts.get("knowledge", ""):  # noqa: ASYNC110 - only a look
                    await anyio.sleep(0.01)
                assert not state.ready
                other.execute("ROLLBACK")
                while not state.ready:  # noqa: ASYNC110 - only a look
                    await anyio.sleep(0.01)
            assert state.knowledge
            assert [one.name for one in await state.knowledge.documents()] == ["weather.md"]
