"""Measures typed questions on the embedded engines, from the request to the first words of the answer."""

from __future__ import annotations

import time
from typing import Any

import httpx
import orjson

from . import figures, machine
from .voice import PORT

QUESTIONS = (
    "How do I add a language model?",
    "How do I start the server?",
    "Which port does the server listen on?",
    "How can I change the voice?",
    "What does the hello message contain?",
    "Where are my documents kept?",
    "How do I add my own documents?",
    "How do I interrupt the assistant?",
    "Which speech recogniser is used?",
    "What happens when the connection drops?",
    "Can I use Ollama?",
    "How do I run the tests?",
    "Who won the football world cup in 1990?",
    "What time is it?",
    "What is seventeen times twenty-three?",
)
ROUNDS = 4


def ask(client: httpx.Client, question: str) -> float:
    """Seconds from the request to the first `delta`."""
    begun = time.monotonic()
    with client.stream("POST", "/chat", json={"text": question}) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("data: ") and orjson.loads(line[6:]).get("type") == "delta":
                return time.monotonic() - begun
    raise SystemExit(f"No answer to {question!r}.")


def once() -> dict[str, Any]:
    with machine.server(PORT, {"NEXUS_SERVER__LOG": "warning"}) as server:
        url = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            for question in QUESTIONS[:3]:
                ask(client, question)
            times = [ask(client, question) for _ in range(ROUNDS) for question in QUESTIONS]
    return {"first_token_ms": figures.spread(times)}


def text(reps: int) -> None:
    runs = [once() for _ in range(reps)]
    first = figures.median_of(runs)["first_token_ms"]
    print(f"text: first token {first['p50']:.0f}/{first['p95']:.0f} ms over {first['count']} questions")
    figures.save("text", runs)
