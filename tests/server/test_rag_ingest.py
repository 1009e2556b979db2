"""Documents in by HTTP: jobs, their progress, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from nexus_voice.core.errors import EngineError
from serving import Serving, fakes, serving

from .documents import BANANAS, handed_in, job, listed, tidy

__all__ = ["tidy"]

EXE = ("tool.exe", b"MZ\0\1" * 99)


def events_of(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    return (json.loads(line[6:]) for line in lines if line.startswith("data: "))


def test_files_each_have_a_result_of_their_own(tidy: httpx.Client) -> None:
    files = [("files", BANANAS), ("files", EXE), ("files", ("empty.txt", b""))]
    done = job(tidy, files=files)
    assert (done["state"], done["total"], done["done"], done["failed"]) == ("done", 3, 1, 2)
    assert [one["state"] for one in done["documents"]] == ["done", "failed", "failed"]
    bananas, tool, empty = done["documents"]
    assert (bananas["status"], bananas["chunks"], bananas["embedded"], bananas["error"]) == (
        "added",
        1,
        1,
        None,
    )
    assert (tool["error"]["code"], empty["error"]["code"]) == ("unsupported_type", "empty_document")
    assert handed_in(tidy, files=files[:1])["status"] == "unchanged"
    assert {one["name"] for one in listed(tidy)} >= {"bananas.md"}
    assert tidy.get(f"/rag/jobs/{done['id']}").json() == done
    newest = tidy.get("/rag/jobs", params={"limit": 2}).json()["jobs"]
    assert newest[1] == {name: value for name, value in done.items() if name != "documents"}


def test_a_job_is_answered_at_once_and_followed_to_its_end(tidy: httpx.Client) -> None:
    answer = tidy.post("/rag/ingest", files=[("files", BANANAS), ("files", ("more.md", b"More bananas."))])
    assert answer.status_code == 202
    id, started = answer.json()["id"], answer.json()
    assert [one["name"] for one in started["documents"]] == ["bananas.md", "more.md"]
    with tidy.stream("GET", f"/rag/jobs/{id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = list(stream.iter_lines())
    assert {line for line in lines if line.startswith("event:")} == {"event: job"}
    views = list(events_of(iter(lines)))
    assert [view["state"] for view in views][-1] == "done"
    assert views[-1] == tidy.get(f"/rag/jobs/{id}").json()
    with tidy.stream("GET", f"/rag/jobs/{id}", headers={"accept": "text/event-stream"}) as stream:
        assert list(events_of(stream.iter_lines())) == views[-1:]


def test_a_cancelled_job_ends(tidy: httpx.Client, server: Serving) -> None:
    knowledge: Any = server.state.knowledge
    embed, reached = knowledge.embed, []

    async def held(*_: object) -> None:
        reached.append(True)
        await anyio.sleep_forever()

    knowledge.embed = held
    try:
        id = tidy.post("/rag/ingest", files=[("files", BANANAS), ("files", EXE)]).json()["id"]
        assert server.becomes(lambda: bool(reached))
        assert tidy.delete(f"/rag/jobs/{id}").status_code == 204
        cancelled = tidy.get(f"/rag/jobs/{id}").json()
    finally:
        knowledge.embed = embed
    assert cancelled["state"] == "cancelled"
    assert [one["state"] for one in cancelled["documents"]] == ["cancelled", "cancelled"]
    assert tidy.delete(f"/rag/jobs/{id}").status_code == 204
    assert handed_in(tidy, files=[("files", BANANAS)])["status"] == "unchanged"


def test_a_reader_of_events_who_leaves_costs_nothing(tidy: httpx.Client, server: Serving) -> None:
    id = job(tidy, files=[("files", BANANAS)])["id"]
    before = server.tasks()
    with tidy.stream("GET", f"/rag/jobs/{id}/events") as stream:
        next(stream.iter_lines())
    assert server.settles(before)


@pytest.mark.parametrize("path", ["/rag/jobs/nothing", "/rag/jobs/nothing/events"])
def test_there_is_no_such_job(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert http.delete("/rag/jobs/nothing").status_code == 404


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("notes/2024/plan.md", "notes/2024/plan.md"),
        (r"notes\plan.md", "notes/plan.md"),
        (r"C:\notes\plan.md", "plan.md"),
        ("/etc/plan.md", "etc/plan.md"),
        ("../../plan.md", "plan.md"),
        ("a//b/./plan.md", "a/b/plan.md"),
        ("cafe\u0301.md", "caf\u00e9.md"),
        ("pl\u202ean.md", "pl an.md"),
    ],
)
def test_a_name_is_a_path_below_nowhere(tidy: httpx.Client, sent: str, kept: str) -> None:
    part = f'content-disposition: form-data; name="files"; filename="{sent}"'
    body = f"--b\r\n{part}\r\n\r\nWords of it.\r\n--b--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert handed_in(tidy, content=body.encode(), headers=headers)["name"] == kept


def test_a_name_that_will_not_do_refuses_its_file_only(tidy: httpx.Client) -> None:
    files = [("files", ("x" * 501, b"Words.")), ("files", ("../..", b"Words.")), ("files", BANANAS)]
    long, none, good = job(tidy, files=files)["documents"]
    assert (long["error"]["code"], none["error"]["code"]) == ("name_too_long", "name_missing")
    assert good["state"] == "done"


def test_an_endless_address_is_refused_by_itself(tidy: httpx.Client) -> None:
    urls = [f"https://example.org/{'x' * length}" for length in (2_000, 1_000_000)]
    documents = job(tidy, json={"urls": urls, "texts": [{"title": "Tea", "text": "Green tea."}]})["documents"]
    assert [one["state"] for one in documents] == ["done", "failed", "failed"]
    assert {one["error"]["code"] for one in documents[1:]} == {"url_bad"}
    assert all(len(one["name"]) <= 500 and len(one["error"]["message"]) < 500 for one in documents[1:])


def test_a_password_in_an_address_is_not_shown(tidy: httpx.Client) -> None:
    urls = ["http://ada:hunter2@example.org/page", "ftp://ada:hunter2@example.org/page"]
    shown = job(tidy, json={"urls": urls})
    assert {one["error"]["code"] for one in shown["documents"]} == {"url_bad"}
    assert shown["documents"][0]["name"] == "http://…@example.org/page"
    assert "hunter2" not in json.dumps(shown)


def test_sources_and_fingerprints_come_with_the_files(tidy: httpx.Client) -> None:
    form = {"source": "folder:/notes", "fingerprints": json.dumps(["1", "2"])}
    files = [("files", BANANAS), ("files", ("more.md", b"More bananas."))]
    job(tidy, files=files, data=form)
    kept = listed(tidy, source="folder:/notes")
    assert {one["name"]: one["fingerprint"] for one in kept} == {"bananas.md": "1", "more.md": "2"}
    changed = [("files", ("bananas.md", b"Never read.")), ("files", ("more.md", b"Even more bananas."))]
    again = job(tidy, files=changed, data=form | {"fingerprints": json.dumps(["1", "3"])})
    assert [one["status"] for one in again["documents"]] == ["unchanged", "updated"]
    assert (
        handed_in(tidy, files=[("files", BANANAS)])["status"] == "added"
    )  # another source, another document


def test_addresses_are_fetched_or_say_why_not(tidy: httpx.Client, server: Serving) -> None:
    urls = [f"{server.url}/healthz", "http://10.0.0.1/", "ftp://example.org/", "no address"]
    done = job(tidy, json={"urls": urls})
    codes = [one["error"]["code"] for one in done["documents"]]
    assert codes == ["url_refused", "url_refused", "url_bad", "url_bad"]
    assert {one["source"] for one in done["documents"]} == {"url"}


def test_an_embedder_that_fails_leaves_the_words(tidy: httpx.Client, server: Serving) -> None:
    embedder: Any = server.state.supply.chains["embedder"].current
    usual = embedder.embed

    async def broken(*_: object) -> None:
        raise EngineError("It rests.")

    embedder.embed = broken
    try:
        bananas = handed_in(tidy, files=[("files", BANANAS)])
        assert (bananas["status"], bananas["embedded"]) == ("added", 0)
        found = tidy.post("/rag/search", json={"query": "bananas"}).json()["passages"]
        assert found[0]["title"] == "Bananas"
    finally:
        embedder.embed = usual


def test_the_recogniser_is_taught_when_documents_come_and_go(server: Serving, tidy: httpx.Client) -> None:
    taught: list[list[str]] = []

    async def bias(sentences: list[str]) -> None:
        taught.append(sentences)

    stt: Any = server.state.engines.stt.current
    stt.bias = bias
    try:
        id = handed_in(tidy, files=[("files", BANANAS)])["id"]
        assert server.becomes(lambda: bool(taught) and "Bananas are yellow when they are ripe." in taught[-1])
        tidy.delete(f"/rag/documents/{id}")
        assert server.becomes(lambda: "Bananas are yellow when they are ripe." not in taught[-1])
    finally:
        del stt.bias


def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    limits = {"knowledge": {"queue": 1, "file": 1_000}}
    with (
        serving(fakes(tmp_path, **limits)) as server,
        httpx.Client(base_url=server.url, timeout=20, trust_env=False) as http,
    ):
        answer = http.post("/rag/ingest", files=[("files", BANANAS), ("files", EXE)])
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "jobs_full")
        assert int(answer.headers["retry-after"]) > 0
        (large,) = job(http, files=[("files", ("large.txt", b"x" * 1_001))])["documents"]
        assert large["error"]["code"] == "too_large"
        assert handed_in(http, files=[("files", BANANAS)])["status"] == "added"


MULTIPART = {"content-type": "multipart/form-data"}
BOUNDED = {"content-type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b"{"}, 400, "bad_json"),
        ({"content": b""}, 400, "bad_json"),
        ({"content": b"\xff\xfe"}, 400, "bad_json"),
        ({"json": {"texts": []}}, 422, "bad_request"),
        ({"json": {}}, 422, "bad_request"),
        ({"json": {"texts": [{"title": "x"}]}}, 422, "bad_request"),
        ({"json": {"urls": ["https://example.org/"] * 101}}, 422, "bad_request"),
        ({"json": []}, 422, "bad_request"),
        ({"json": {"texts": [{"title": "x", "text": "y"}], "collection": "nowhere"}}, 404, "not_found"),
        ({"files": {"files": BANANAS}, "data": {"collection": "nowhere"}}, 404, "not_found"),
        ({"files": {"files": BANANAS}, "data": {"fingerprints": "[]x"}}, 422, "bad_request"),
        ({"files": {"files": BANANAS}, "data": {"fingerprints": '["1", "2"]'}}, 422, "bad_request"),
        ({"files": {"files": BANANAS}, "params": {"wait": 61}}, 422, "bad_request"),
        ({"files": [("files", BANANAS)] * 1_001}, 400, "bad_request"),
        ({"files": {"other": (None, "no file")}}, 400, "files_missing"),
        ({"content": b"x", "headers": MULTIPART}, 400, "bad_request"),
        (
            {"content": b"x", "headers": BOUNDED},
            400,
            "bad_request",
        ),
    ],
)
def test_what_cannot_be_taken_in_gets_its_code(
    http: httpx.Client, sent: dict[str, Any], status: int, code: str
) -> None:
    answer = http.post("/rag/ingest", **sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_where_nothing_has_improved_nothing_is_read_again(tidy: httpx.Client) -> None:
    handed_in(tidy, files={"files": BANANAS})
    assert tidy.get("/rag/refresh").json() == {"documents": 0}
    answer = tidy.post("/rag/refresh")
    assert (answer.status_code, answer.json()) == (202, {"documents": 0, "jobs": []})
