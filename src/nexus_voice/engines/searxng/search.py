"""SearXNG: a metasearch engine that one runs oneself; no key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import httpx

from ...core.chat import Passage
from ...core.errors import EngineError
from ..http.client import RemoteHttp
from ..http.search_results import asked, clean, fetch, passages

SETTING = "NEXUS_SEARCH__BASE_URL"
LONGEST_QUERY = 500
HEADERS = {
    # An instance's guard against robots wants these.
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en",
    "User-Agent": "nexus-voice",
}


class SearxngSearch:
    """Implements `ports.Search`; enter it before use. The instance must answer in JSON (`format=json`).

    Raises `EngineError` as `RemoteHttp` does, and with code `search_json_off` when it does not.
    """

    name = "searxng"

    def __init__(self, base_url: str, *, within: float = 8.0) -> None:
        base_url = base_url.strip().rstrip("/").removesuffix("/search")
        hint = f"Start SearXNG, or set {SETTING}."
        self._http = RemoteHttp("search", base_url, HEADERS, setting=SETTING, hint=hint)
        self._within = within

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def ready(self) -> None:
        """Check that it answers, and in JSON; asks no search engine."""
        response = await self._http.exchange("GET", "search", self._within, params={"format": "json"})
        if response.is_success:
            await response.aclose()
        elif response.status_code != 400:  # "No query": all is well
            raise self._refused(response) or self._http.refusal(response)

    async def search(self, query: str, k: int) -> list[Passage]:
        """The best `k` pages of the first page of results, scores relative to the best."""
        words = asked(query, LONGEST_QUERY)
        if not words or k <= 0:
            return []
        params = {"q": words, "format": "json"}
        answer = await fetch(self._http, "GET", "search", self._within, self._refused, params=params)
        found = passages(self._http, answer, k)
        if not found and (silent := unresponsive(answer)):
            raise EngineError(
                f"None of the search engines behind SearXNG answered ({silent}). Try again, or switch on "
                "others in its settings.",
                code="search_failed",
                retryable=True,
            )
        best = max((passage.score for passage in found), default=0.0) or 1.0  # they have no bound
        return [replace(passage, score=passage.score / best) for passage in found]

    def _refused(self, response: httpx.Response) -> EngineError | None:
        if response.status_code != 403:
            return None
        return EngineError(
            f"SearXNG at {self._http.url} does not answer in JSON (403): add `- json` to `search: formats:` "
            "in its settings.yml and restart it.",
            code="search_json_off",
        )


def unresponsive(answer: Any) -> str:
    """Names and reasons of the engines that failed, [["brave", "timeout"]] in the answer."""
    pairs = answer.get("unresponsive_engines") or []
    return clean("; ".join(": ".join(map(str, pair)) for pair in pairs if isinstance(pair, list)), 200)
