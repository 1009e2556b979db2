"""Tavily: web search made for language models."""

from __future__ import annotations

from typing import Literal

from ...core.chat import Passage
from ...core.errors import EngineError
from ..http.client import RemoteEngine, RemoteHttp
from ..http.search_results import MAX_ANSWER_BYTES, clean_query, passages

SETTING = "TAVILY_API_KEY"
MAX_QUERY_CHARS = 400
MAX_RESULTS = 20
"""That Tavily gives."""
QUOTA_STATUSES = (432, 433)
"""Tavily's own, for a used up plan and for a used up pay-as-you-go limit."""


class TavilySearch(RemoteEngine):
    """Implements `ports.Search`; enter it before use. `depth` "advanced" costs twice and takes longer.

    Raises `EngineError` as `RemoteHttp` does; `search_quota` also when the plan is used up.
    """

    name = "tavily"

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://api.tavily.com",
        depth: Literal["basic", "advanced"] = "basic",
        within: float = 8.0,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        self._http = RemoteHttp("search", base_url, headers, setting=SETTING, secret=api_key, special=_quota)
        self._depth, self._within = depth, within

    async def ready(self) -> None:
        """Check the key, without using up a search."""
        await self._http.ask("GET", "usage", self._within, MAX_ANSWER_BYTES)

    async def search(self, query: str, k: int) -> list[Passage]:
        """The best `k` (at most 20) pages, each with the sentences that bear on the query."""
        words = clean_query(query, MAX_QUERY_CHARS)
        if not words or k <= 0:
            return []
        order = {"query": words, "max_results": min(k, MAX_RESULTS), "search_depth": self._depth}
        answer = await self._http.ask("POST", "search", self._within, MAX_ANSWER_BYTES, json=order)
        return passages(self._http.errors, answer, k)


def _quota(status: int, detail: str) -> EngineError | None:
    if status not in QUOTA_STATUSES:
        return None
    return EngineError(f"Tavily says that the plan is used up: {detail}", code="search_quota")
