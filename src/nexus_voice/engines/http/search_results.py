"""What the web's search engines answer, as passages: bounded, cleaned, and never trusted."""

from __future__ import annotations

import re
from typing import Any

from ...core.chat import Passage
from .errors import ServiceErrors

MAX_TEXT_CHARS, MAX_TITLE_CHARS, MAX_URL_CHARS = 1_500, 200, 2_000
MAX_ANSWER_BYTES = 4 << 20
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]+"
)
"""Control characters, marks of writing direction and letters that nobody sees but a language model."""


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


def clean(text: object, longest: int) -> str:
    """`text` on one line, at most so long, cut after a word where it must be; "" for no string."""
    if not isinstance(text, str):
        return ""
    said = " ".join(_UNSEEN.sub(" ", text[: 4 * longest]).split())
    if len(said) <= longest:
        return said
    cut = said[: longest - 1]
    return (cut.rpartition(" ")[0] or cut) + "…"


def asked(query: str, longest: int) -> str:
    """A query as a provider takes it: one line, not too long."""
    return clean(query, longest).removesuffix("…")


def _number(score: object) -> float:
    return float(score) if isinstance(score, int | float) and 0 <= score < float("inf") else 0.0


def _is_address(url: str) -> bool:
    return (
        url.startswith(("http://", "https://"))
        and len(url) <= MAX_URL_CHARS
        and not _UNSEEN.search(url)
        and not any(map(str.isspace, url))
    )
