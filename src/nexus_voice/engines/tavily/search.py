"""Tavily: web search made for language models."""

from __future__ import annotations

from typing import Literal, Self

import httpx

from ...core.chat import Passage
from ...core.errors import EngineError
from ..http.client import RemoteHttp
from ..http.search_results import asked, fetch, passages

SETTING = "TAVILY_API_KEY"
LONGEST_QUERY = 400
"""Characters that Tavily takes."""
MOST = 20
"""Results that Tavily gives at most."""
OVER_LIMIT = (432, 433)
"""Tavily's own: over the plan's limit, over the limit set for paying as one goes."""


class TavilySearch:
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
        self._http = RemoteHttp("search", base_url, headers, setting=SETTING, secret=api_key)
        self._depth, self._within = depth, within

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def ready(self) -> None:
        """Check the key, without using up a search."""
        await fetch(self._http, "GET", "usage", self._within, self._refused)

    async def search(self, query: str, k: int) -> list[Passage]:
        """The best `k` (at most 20) pages, each with the sentences that bear on the query."""
        words = asked(query, LONGEST_QUERY)
        if not words or k <= 0:
            return []
        order = {"query": words, "max_results": min(k, MOST), "search_depth": self._depth}
        answer = await fetch(self._http, "POST", "search", self._within, self._refused, json=order)
        return passages(self._http, answer, k)

    def _refused(self, response: httpx.Response) -> EngineError | None:
        if response.status_code not in OVER_LIMIT:
            return None
        message = f"Tavily says that the plan is used up: {self._http.detail(response)}"
        return EngineError(message, code="search_quota")
