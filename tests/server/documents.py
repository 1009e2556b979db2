"""Handing documents in, and taking them away again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

BANANAS = ("bananas.md", b"# Bananas\n\nBananas are yellow when they are ripe.")


@pytest.fixture
def tidy(http: httpx.Client) -> Iterator[httpx.Client]:
    """Documents and collections that a test adds are gone after it."""
    known = {one["id"] for one in listed(http)}
    yield http
    for one in http.get("/rag/collections").json()["collections"]:
        if one["id"] not in ("default", "seed"):
            assert http.delete(f"/rag/collections/{one['id']}").status_code == 204
    for one in listed(http):
        if one["id"] not in known:
            assert http.delete(f"/rag/documents/{one['id']}").status_code == 204


def listed(http: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = http.get("/rag/documents", params=asked).json()["documents"]
    return documents


def job(http: httpx.Client, **sent: Any) -> dict[str, Any]:
    """The job of what was sent, when it has ended."""
    answer = http.post("/rag/ingest", params={"wait": 20}, **sent)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def handed_in(http: httpx.Client, **sent: Any) -> dict[str, Any]:
    """The one document that was sent, stored."""
    (document,) = job(http, **sent)["documents"]
    assert document["state"] == "done", document
    known: dict[str, Any] = document
    return known
