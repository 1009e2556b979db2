"""What the web's search engines answer, as passages: bounded, cleaned, and never trusted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import anyio
import httpx

from ...core.chat import Passage
from ...core.errors import EngineError
from .body import Body
from .client import RemoteHttp

LONGEST_TEXT, LONGEST_TITLE, LONGEST_URL = 1_500, 200, 2_000
"""Characters."""
LARGEST = 4 << 20
"""Bytes of a whole answer."""
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]+"
)
"""Control characters, marks of writing direction and letters that nobody sees but a language model."""


async def fetch(
    http: RemoteHttp,
    method: str,
    path: str,
    within: float,
    refused: Callable[[httpx.Response], EngineError | None],
    **request: Any,
) -> Any:
    """The decoded JSON of an answer, all of which must come `within` seconds.

    `refused` may know better than `RemoteHttp` what an answer that is no success means.
    """
    try:
        with anyio.fail_after(within):
            response = await http.exchange(method, path, within, **request)
            if not response.is_success:
                raise refused(response) or http.refusal(response)
            body = Body(http, response, within)
            whole, ended = bytearray(), False
            try:
                while not ended and len(whole) <= LARGEST:
                    data = await body.piece()
                    whole, ended = whole + data, not data
            finally:
                await body.close(drain=ended)
    except TimeoutError as error:
        raise http.timed_out(within) from error
    if len(whole) > LARGEST:
        raise http.malformed("more than 4 MB")
    return http.decoded(bytes(whole))


def passages(http: RemoteHttp, answer: Any, k: int) -> list[Passage]:
    """The first `k` of {"results": [{url, title, content, score}]} that have an address and a text."""
    try:
        found: dict[str, Passage] = {}
        for result in answer["results"]:
            url, text = str(result.get("url") or ""), clean(result.get("content"), LONGEST_TEXT)
            if not text or url in found or not _is_address(url):
                continue
            title = clean(result.get("title"), LONGEST_TITLE) or url
            found[url] = Passage(text, url, title, score=_number(result.get("score")), url=url)
    except (TypeError, KeyError, AttributeError) as error:
        raise http.malformed("no list of results") from error
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
        and len(url) <= LONGEST_URL
        and not _UNSEEN.search(url)
        and not any(map(str.isspace, url))
    )
