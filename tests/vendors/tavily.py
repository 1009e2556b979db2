"""Tavily's wire format: POST /search, GET /usage, {"detail": {"error": ...}} errors."""

from __future__ import annotations

from typing import Any

from openai_server import Reply, Request
from vendors.loopback import said


def result(n: int, **changes: Any) -> dict[str, Any]:
    found = {
        "title": f"Page {n}",
        "url": f"https://example.com/{n}",
        "content": f"What page {n} says.",
        "score": round(0.9 - n / 10, 2),
        "raw_content": None,
    }
    return {**found, **changes}


def results(*found: Any) -> Reply:
    whole = {"query": "q", "follow_up_questions": None, "answer": None, "images": []}
    return said({**whole, "results": list(found), "response_time": 0.9, "request_id": "r1"})


def refusal(status: int, message: str, **headers: str) -> Reply:
    return said({"detail": {"error": message}}, status, **headers)


def usual(request: Request) -> Reply:
    if request.path == "/usage":
        return said({"key": {"usage": 150, "limit": 1000}, "account": {"current_plan": "Bootstrap"}})
    return results(*(result(n) for n in range(request.body["max_results"])))
