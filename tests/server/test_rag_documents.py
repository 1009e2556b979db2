"""What the knowledge base holds, by HTTP: lists, files, texts, collections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from knowledge import written
from serving import Serving

from .documents import BANANAS, handed_in, listed, tidy

__all__ = ["tidy"]

HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
SCRIPT = b"<!doctype html><title>Evil</title><script>alert(1)</script><p>Words of a page.</p>"

PICTURE = b"<svg xmlns='x'><script>alert(1)</script></svg><p>Words.</p>"


def test_documents_are_listed_page_by_page(tidy: httpx.Client) -> None:
    texts = [{"title": f"Same title {number % 2}", "text": f"Text {number}."} for number in range(2)]
    tidy.post("/rag/ingest", json={"texts": texts}, params={"wait": 20})
    whole, pages, after = listed(tidy), list[Any](), {}
    while True:
        page = tidy.get("/rag/documents", params={"limit": 1, **after}).json()
        pages += page["documents"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert pages == whole
    assert len(whole) == 3
    assert [one["title"] for one in listed(tidy, collection="seed")] == ["Weather"]
    assert listed(tidy, source="nowhere") == listed(tidy, collection="nowhere") == []


def test_a_document_can_be_renamed_and_moved(tidy: httpx.Client) -> None:
    id = handed_in(tidy, files=[("files", BANANAS)])["id"]
    info = tidy.get(f"/rag/documents/{id}").json()
    assert (info["name"], info["title"], info["type"], info["bytes"]) == (
        "bananas.md",
        "Bananas",
        "text/markdown",
        len(BANANAS[1]),
    )
    other = tidy.post("/rag/collections", json={"name": "Fruit"}).json()["id"]
    change = {"name": "fruit/yellow.md", "title": "Yellow fruit", "collection": other}
    changed = tidy.patch(f"/rag/documents/{id}", json=change).json()
    assert {name: changed[name] for name in change} == change
    assert tidy.get(f"/rag/documents/{id}").json() == changed
    second = handed_in(tidy, files=[("files", BANANAS)], data={"collection": other})["id"]
    taken = tidy.patch(f"/rag/documents/{second}", json={"name": "fruit/yellow.md"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "name_taken")
    nowhere = tidy.patch(f"/rag/documents/{id}", json={"collection": "nowhere"})
    assert nowhere.status_code == 404


def test_a_deleted_document_is_gone(http: httpx.Client) -> None:
    id = handed_in(http, files=[("files", BANANAS)])["id"]
    assert http.delete(f"/rag/documents/{id}").status_code == 204
    for method, path in (("DELETE", ""), ("GET", ""), ("PATCH", ""), ("GET", "/original"), ("GET", "/text")):
        gone = http.request(method, f"/rag/documents/{id}{path}", json={})
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found"), (method, path)
    sources = http.post("/rag/query", json={"question": "What colour are bananas?"}).json()["sources"]
    assert all(source["title"] != "Bananas" for source in sources)


@pytest.mark.parametrize(
    ("name", "data", "type", "inline"),
    [
        ("notes.txt", "Caf\u00e9 notes.".encode(), "text/plain; charset=utf-8", True),
        ("latin.txt", "Caf\u00e9 notes.".encode("latin-1"), "text/plain", True),
        ("bananas.md", BANANAS[1], "text/markdown; charset=utf-8", False),
        ("page.html", SCRIPT, "text/html; charset=utf-8", False),
        (
            "page.svg.html",
            b"<svg xmlns='x'><script>alert(1)</script></svg><p>Words.</p>",
            "text/html; charset=utf-8",
            False,
        ),
    ],
)
def test_an_original_comes_back_as_it_was_and_runs_nothing(
    tidy: httpx.Client, name: str, data: bytes, type: str, inline: bool
) -> None:
    id = handed_in(tidy, files=[("files", (f"folder/{name}", data))])["id"]
    answer = tidy.get(f"/rag/documents/{id}/original")
    assert answer.content == data
    assert answer.headers["content-type"] == type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    kind = "inline" if inline else "attachment"
    assert answer.headers["content-disposition"] == f"{kind}; filename=\"{name}\"; filename*=UTF-8''{name}"
    again = tidy.get(f"/rag/documents/{id}/original", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_pdf_is_shown_where_it_is(tidy: httpx.Client) -> None:
    id = handed_in(tidy, files=[("files", ("handbook.pdf", written.pages(["One.", "Two."])))])["id"]
    answer = tidy.get(f"/rag/documents/{id}/original")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("inline;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert tidy.get(f"/rag/documents/{id}").json()["pages"] == 2


def test_any_name_fits_into_a_header(tidy: httpx.Client) -> None:
    id = handed_in(tidy, files=[("files", ("wei\u00df (\u6587).txt", b"Words."))])["id"]
    found = tidy.get(f"/rag/documents/{id}/original").headers["content-disposition"]
    assert found == "inline; filename=\"wei ().txt\"; filename*=UTF-8''wei%C3%9F%20%28%E6%96%87%29.txt"


def test_the_text_is_there_for_programs_and_for_people(tidy: httpx.Client) -> None:
    parts = [
        f"# Part {part}\n\n" + " ".join(f"Word {part}.{word} <b>&amp;" for word in range(120))
        for part in range(3)
    ]
    id = handed_in(tidy, files=[("files", ("<i>long.md", "\n\n".join(parts).encode()))])["id"]
    text = tidy.get(f"/rag/documents/{id}/text").json()
    positions = [one["position"] for one in text["passages"]]
    assert positions == sorted(positions)
    assert {tuple(one["path"]) for one in text["passages"]} >= {("Part 1",), ("Part 2",)}
    page = tidy.get(f"/rag/documents/{id}/text", headers=HTML)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "&lt;i&gt;long.md" in page.text
    for part in range(3):
        for word in range(120):  # each once, although passages overlap
            assert page.text.count(f"Word {part}.{word} ") == 1
    assert "<mark" not in page.text
    passage = text["passages"][2]
    marked = tidy.get(f"/rag/documents/{id}/text", headers=HTML, params={"at": passage["position"]}).text
    assert marked.count("<mark") == 1
    inside = marked.partition('<mark id="passage" tabindex="-1" autofocus>')[2].partition("</mark>")[0]
    assert inside == escaped(passage["text"])
    beyond = tidy.get(f"/rag/documents/{id}/text", headers=HTML, params={"at": 10**9})
    assert beyond.status_code == 200


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_collections_come_and_go_with_their_documents(tidy: httpx.Client) -> None:
    made = tidy.post("/rag/collections", json={"name": " Fruit  basket "})
    assert (made.status_code, made.json()["name"], made.json()["role"]) == (201, "Fruit basket", "owner")
    id = made.json()["id"]
    document = handed_in(tidy, files=[("files", BANANAS)], data={"collection": id})["id"]
    assert names(tidy) == {"Documents": 0, "seed": 1, "Fruit basket": 1}
    assert tidy.patch(f"/rag/collections/{id}", json={"name": "Basket"}).status_code == 204
    assert "Basket" in names(tidy)
    assert tidy.delete(f"/rag/collections/{id}").status_code == 204
    assert "Basket" not in names(tidy)
    assert tidy.get(f"/rag/documents/{document}").status_code == 404
    for method in ("PATCH", "DELETE"):
        assert tidy.request(method, f"/rag/collections/{id}", json={"name": "x"}).status_code == 404


def names(http: httpx.Client) -> dict[str, int]:
    found: Iterable[Any] = http.get("/rag/collections").json()["collections"]
    return {one["name"]: one["documents"] for one in found}


@pytest.mark.parametrize("id", ["default", "seed"])
def test_the_collections_of_the_house_stay(http: httpx.Client, id: str) -> None:
    answer = http.delete(f"/rag/collections/{id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "built_in")


def test_figures_tell_what_is_held_and_what_became_of_it(tidy: httpx.Client, server: Serving) -> None:
    before = figures(tidy)
    handed_in(tidy, files=[("files", BANANAS)])
    after = figures(tidy)
    assert after["nexus_documents"] == before["nexus_documents"] + 1
    assert after["nexus_passages"] == before["nexus_passages"] + 1
    assert after["nexus_documents_waiting"] == 0
    added = 'nexus_documents_taken_in_total{outcome="added"}'
    assert after[added] == before[added] + 1


def figures(http: httpx.Client) -> dict[str, float]:
    lines = http.get("/metrics").text.splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if "#" not in name
    }
