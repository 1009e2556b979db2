"""SearXNG: a metasearch engine that users run themselves; it needs no key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...core.chat import Passage
from ...core.errors import EngineError
from ..http.client import RemoteEngine, RemoteHttp
from ..http.search_results import MAX_ANSWER_BYTES, clean, clean_query, passages

SETTING = "NEXUS_SEARCH__BASE_URL"
MAX_QUERY_CHARS = 500
HEADERS = {
    # SearXNG's bot detection wants these.
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en",
    "User-Agent": "nexus-voice",
}


class SearxngSearch(RemoteEngine):
    """Implements `ports.Search`; enter it before use. The instance must answer in JSON (`format=json`).

    Raises `EngineError` as `RemoteHttp` does, and with code `search_json_off` when it does not.
    """

    name = "searxng"

    def __init__(self, base_url: str, *, within: float = 8.0) -> None:
        base_url = base_url.strip().rstrip("/").removesuffix("/search")
        hint = f"Start SearXNG, or set {SETTING}."
        self._http = RemoteHttp(
            "search", base_url, HEADERS, setting=SETTING, hint=hint, special=self._json_off
        )
        self._within = within

    async def ready(self) -> None:
        """Check that it answers, and in JSON; asks no search engine."""
        response = await self._http.exchange("GET", "search", self._within, params={"format": "json"})
        if response.is_success:
            await response.aclose()
        elif response.status_code != 400:  # "No query": all is well
            raise self._http.errors.refused(response)

    async def search(self, query: str, k: int) -> list[Passage]:
        """The best `k` pages of the first page of results, scores relative to the best."""
        words = clean_query(query, MAX_QUERY_CHARS)
        if not words or k <= 0:
            return []
        params = {"q": words, "format": "json"}
        answer = await self._http.ask("GET", "search", self._within, MAX_ANSWER_BYTES, params=params)
        found = passages(self._http.errors, answer, k)
        if not found and (silent := unresponsive(answer)):
            raise EngineError(
                f"None of the search engines behind SearXNG answered ({silent}). Try again, or switch on "
                "others in its settings.",
                code="search_failed",
                retryable=True,
            )
        best = max((passage.score for passage in found), default=0.0) or 1.0  # scores have no bound
        return [replace(passage, score=passage.score / best) for passage in found]

    def _json_off(self, status: int, detail: str) -> EngineError | None:
        if status != 403:
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
