"""Turns the answers of web search engines into passages: bounded, cleaned, and never trusted."""

from __future__ import annotations

from typing import Any

from ...core.chat import Passage
from ...text.invisible_characters import visible
from .errors import ServiceErrors

MAX_TEXT_CHARS, MAX_TITLE_CHARS, MAX_URL_CHARS = 1_500, 200, 2_000
MAX_ANSWER_BYTES = 4 << 20


def passages(errors: ServiceErrors, answer: Any, k: int) -> list[Passage]:
    """The first `k` of {"results": [{url, title, content, score}]} that have an address and a text."""
    found: dict[str, Passage] = {}
    with errors.reading("no list of results"):
        for result in answer["results"]:
            url, text = str(result.get("url") or ""), clean(result.get("content"), MAX_TEXT_CHARS)
            if not text or url in found or not _is_address(url):
                continue
            title = clean(result.get("title"), MAX_TITLE_CHARS) or url
            found[url] = Passage(text, url, title, score=_number(result.get("score")), url=url)
    return list(found.values())[:k]


def clean(text: object, max_chars: int) -> str:
    """`text` on one line without invisible characters, cut after a word when it is too long; "" for what is
    no string."""
    if not isinstance(text, str):
        return ""
    line = " ".join(visible(text[: 4 * max_chars]).split())
    if len(line) <= max_chars:
        return line
    cut = line[: max_chars - 1]
    return (cut.rpartition(" ")[0] or cut) + "…"


def clean_query(query: str, max_chars: int) -> str:
    """A query as a provider takes it: one line, not too long."""
    return clean(query, max_chars).removesuffix("…")


def _number(score: object) -> float:
    return float(score) if isinstance(score, int | float) and 0 <= score < float("inf") else 0.0


def _is_address(url: str) -> bool:
    return (
        url.startswith(("http://", "https://"))
        and len(url) <= MAX_URL_CHARS
        and visible(url) == url
        and not any(map(str.isspace, url))
    )
