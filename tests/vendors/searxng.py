"""SearXNG's wire format: GET /search?format=json; 403 as HTML where JSON is off; its robot guard's 429."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from openai_server import Reply, Request
from vendors.loopback import said

HTML = "text/html; charset=utf-8"
JSON_OFF = Reply([b"<!doctype html><title>403 Forbidden</title><h1>Forbidden</h1>"], 403, HTML)
TOO_MANY = Reply([b"Too Many Requests"], 429, "text/plain")


def result(n: int, **changes: Any) -> dict[str, Any]:
    found = {
        "url": f"https://example.org/{n}",
        "title": f"Page {n}",
        "content": f"What page {n} says.",
        "publishedDate": None,
        "thumbnail": "",
        "engine": "duckduckgo",
        "template": "default.html",
        "parsed_url": ["https", "example.org", f"/{n}", "", "", ""],
        "engines": ["duckduckgo", "brave"],
        "positions": [1, 2],
        "score": round(8 / (n + 1), 2),
        "category": "general",
    }
    return {**found, **changes}


def results(*found: Any, unresponsive: tuple[tuple[str, str], ...] = ()) -> Reply:
    whole = {"query": "q", "number_of_results": 0, "answers": [], "corrections": [], "infoboxes": []}
    silent = list(map(list, unresponsive))
    return said({**whole, "results": list(found), "suggestions": [], "unresponsive_engines": silent})


def usual(request: Request) -> Reply:
    query = parse_qs(urlsplit(request.path).query)
    if query.get("format") != ["json"]:
        return Reply([b"<!doctype html>"], type=HTML)
    if not query.get("q"):
        return said({"error": "No query"}, 400)
    return results(*map(result, range(12)))
