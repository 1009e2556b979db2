"""Two servers on one PostgreSQL: what one takes in, the other knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from serving import Serving, fakes, serving

from .documents import BANANAS, handed_in, job, listed


@pytest.fixture
def servers(tmp_path: Path, postgres_url: str) -> Iterator[list[Serving]]:
    with ExitStack() as stack:
        running = []
        for name in ("one", "other"):
            settings = fakes(tmp_path / name)
            (tmp_path / name / "seed" / "weather.md").write_text("# Weather\n\nIt rains.")
            settings.database_url = SecretStr(postgres_url)
            running.append(stack.enter_context(serving(settings)))
        yield running


def test_what_one_server_takes_in_the_other_knows(servers: list[Serving]) -> None:
    one, other = (httpx.Client(base_url=server.url, timeout=20, trust_env=False) for server in servers)
    with one, other:
        id = handed_in(one, files=[("files", BANANAS)])["id"]
        assert [found["name"] for found in listed(other)] == ["bananas.md", "weather.md"]
        passages = other.post("/rag/search", json={"query": "What colour are bananas?"}).json()["passages"]
        assert passages[0]["title"] == "Bananas"
        assert other.get(f"/rag/documents/{id}/original").content == BANANAS[1]
        assert [job["state"] for job in other.get("/rag/jobs").json()["jobs"]] == ["done"]
        assert handed_in(other, files=[("files", BANANAS)])["status"] == "unchanged"
        assert other.delete(f"/rag/documents/{id}").status_code == 204
        assert [found["name"] for found in listed(one)] == ["weather.md"]
        left = one.post("/rag/search", json={"query": "What colour are bananas?"}).json()["passages"]
        assert all(passage["title"] != "Bananas" for passage in left)


def test_a_name_that_postgresql_cannot_index_is_refused(servers: list[Serving]) -> None:
    name, source = ("".join(map(chr, range(start, start + 490))) for start in (0x4E00, 0x6000))
    with httpx.Client(base_url=servers[0].url, timeout=20, trust_env=False) as http:
        (document,) = job(http, files=[("files", (f"{name}.md", b"Words."))], data={"source": source})[
            "documents"
        ]
        assert document["error"]["code"] == "name_too_long"


def test_characters_that_postgresql_cannot_keep_do_no_harm(servers: list[Serving]) -> None:
    with httpx.Client(base_url=servers[0].url, timeout=20, trust_env=False) as http:
        file = handed_in(http, files=[("files", ("odd.txt", b"Odd words. And \xed\xa0\x80 more."))])
        text = {"title": "a\0b", "text": "Some\0 words."}
        kept = handed_in(http, json={"texts": [text]})
        assert kept["name"] == "a b"
        for id in (file["id"], kept["id"]):
            assert http.get(f"/rag/documents/{id}/text").status_code == 200
        nul = "a\0b"
        statuses = [
            http.post("/rag/search", json={"query": nul}).status_code,
            http.post("/rag/search", json={"query": "words", "collections": [nul]}).status_code,
            http.post("/rag/query", json={"question": nul}).status_code,
            http.get("/rag/documents", params={"source": nul, "collection": nul, "after": nul}).status_code,
            http.get("/rag/documents/a%00b").status_code,
            http.get("/rag/jobs/a%00b").status_code,
            http.delete("/rag/jobs/a%00b").status_code,
            http.delete("/rag/collections/a%00b").status_code,
            http.patch(f"/rag/documents/{file['id']}", json={"collection": nul}).status_code,
            http.patch(f"/rag/documents/{file['id']}", json={"title": nul}).status_code,
            http.post("/rag/ingest", json={"texts": [text], "collection": nul}).status_code,
        ]
        assert statuses == [200, 200, 200, 200, 404, 404, 404, 404, 404, 200, 404]
