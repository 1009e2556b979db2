"""Lets requests in: so many at a time and so many a minute, from one address and in all.

Every route passes here, before its body is read. The model queues (`queueing.py`) bound what reaches each
engine, and `voice/admission.py` bounds conversations.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from ..settings.server import Limits
from .errors import answer
from .identity import address_of

MAX_ADDRESSES = 10_000
"""Addresses whose rates are counted one by one. Further ones share one count, so that memory is bounded."""
BUSY_RETRY_S = 1
"""Seconds after which a client that found all places taken should try again."""
TRY_AGAIN = 1013
"""WebSocket close code; the handshake is then refused with 429."""


class Cost(NamedTuple):
    """What a request to a route costs: units of `NEXUS_LIMITS__RATE`, and of `NEXUS_LIMITS__REQUESTS`
    for as long as it is in progress."""

    units: int
    holds: bool = True
    """Whether it counts while it is in progress."""


FREE = Cost(0)
"""Always answered: a server at its limit must still say how it is."""
LIGHT = Cost(1)
"""A page, a list, a change of a name. Every route that is not named below."""
MODEL = Cost(4)
"""Keeps an engine busy."""
UPLOAD = Cost(8)
"""Brings megabytes, and work for minutes."""
CONVERSATION = Cost(1, holds=False)
"""Voice sessions have limits of their own."""

COSTS = {
    "/healthz": FREE,
    "/readyz": FREE,
    "/metrics": FREE,
    "/ws/voice": CONVERSATION,
    "/ws/chat": CONVERSATION,
    "/voice": CONVERSATION,
    "/chat": MODEL,
    "/stt": MODEL,
    "/stt/stream": MODEL,
    "/tts": MODEL,
    "/synthesize": MODEL,
    "/rag/query": MODEL,
    "/rag/search": MODEL,
    "/rag/ingest": UPLOAD,
    "/rag/refresh": MODEL,
    "/v1/chat/completions": MODEL,
    "/v1/embeddings": MODEL,
    "/v1/audio/speech": MODEL,
    "/v1/audio/transcriptions": MODEL,
}
"""Path -> cost."""


class Places:
    """Counts what is in use, in all and by client address. A limit of 0 means no limit.

    A request that costs more than a limit is let in when nothing else counts against that limit.
    """

    def __init__(self, total: int, per_address: int) -> None:
        self.used = 0
        self._total, self._per_address = total or math.inf, per_address or math.inf
        self._by_address: Counter[str] = Counter()

    def full(self, address: str, units: int = 1) -> bool:
        """Whether there is no room for `units` more."""
        mine = self._by_address.get(address, 0)
        return (self.used > 0 and self.used + units > self._total) or (
            mine > 0 and mine + units > self._per_address
        )

    def take(self, address: str, units: int = 1) -> None:
        self.used += units
        self._by_address[address] += units

    def give_back(self, address: str, units: int = 1) -> None:
        self.used -= units
        self._by_address[address] -= units
        if not self._by_address[address]:
            del self._by_address[address]


class Unknown:
    """The connections that have not said who they are; the newest is always let in.

    When one address has too many, its own oldest is dropped. When all together are too many, the oldest of
    the address that has the most is dropped.
    """

    def __init__(self, total: int, per_address: int) -> None:
        self._total, self._per_address = total, per_address
        self._waiting: dict[object, tuple[str, Callable[[], None]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @contextmanager
    def waiting(self, address: str, leave: Callable[[], None]) -> Iterator[None]:
        """Hold a place until the connection has said who it is. `leave` is called when it must give way."""
        by_address = Counter(address for address, _ in self._waiting.values())
        if by_address[address] >= self._per_address:
            self._dismiss_oldest(address)
        elif len(self._waiting) >= self._total:
            self._dismiss_oldest(by_address.most_common(1)[0][0])
        key = object()
        self._waiting[key] = address, leave
        try:
            yield
        finally:
            self._waiting.pop(key, None)

    def _dismiss_oldest(self, address: str) -> None:
        oldest = next(key for key, (other, _) in self._waiting.items() if other == address)
        _, leave = self._waiting.pop(oldest)
        leave()


class Rates:
    """Counts what each address has spent in the last minute, in a sliding window in memory."""

    def __init__(self, per_minute: int) -> None:
        from limits import RateLimitItemPerMinute  # takes a tenth of a second
        from limits.aio.storage import MemoryStorage
        from limits.aio.strategies import SlidingWindowCounterRateLimiter

        self._limit = RateLimitItemPerMinute(per_minute)
        self._storage = MemoryStorage()
        self._window = SlidingWindowCounterRateLimiter(self._storage)

    async def spend(self, address: str, units: int) -> int:
        """Spend `units` and return 0, or return the seconds until it is worth trying again."""
        if len(self._storage.storage) > 2 * MAX_ADDRESSES:  # this minute's and the last one's
            address = "others"
        if await self._window.hit(self._limit, address, cost=units):
            return 0
        window = await self._window.get_window_stats(self._limit, address)
        return max(1, math.ceil(window.reset_time - time.time()))


class Requests:
    """The requests in progress, and the rates of their addresses. A limit of 0 means no limit."""

    def __init__(self, limits: Limits) -> None:
        self.places = Places(limits.requests, limits.requests_per_address)
        self.refused = Counter({"busy": 0, "rate_limited": 0})
        """Code of the error -> requests that got it."""
        self._rates = Rates(limits.rate) if limits.rate else None

    async def refusal(self, address: str, cost: Cost) -> tuple[str, str, int] | None:
        """(code, message, seconds until another try) for a request that is not let in."""
        if self._rates and (wait := await self._rates.spend(address, cost.units)):
            return "rate_limited", "Too many requests in a minute from your address.", wait
        if cost.holds and self.places.full(address, cost.units):
            return "busy", "Too many requests are in progress. Try again in a moment.", BUSY_RETRY_S
        return None


class RequestAdmission:
    """ASGI middleware: a request that is let in keeps its place until its whole answer has been sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        cost = COSTS.get(scope["path"].rstrip("/"), LIGHT)
        if not cost.units:
            return await self._app(scope, receive, send)
        requests: Requests = scope["app"].state.nexus.requests
        address = address_of(scope)
        if refusal := await requests.refusal(address, cost):
            code, message, wait = refusal
            requests.refused[code] += 1
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": TRY_AGAIN, "reason": message})
            refused = answer(HTTPConnection(scope), 429, code, message, {"retry-after": str(wait)})
            return await refused(scope, receive, send)
        if not cost.holds:
            return await self._app(scope, receive, send)
        requests.places.take(address, cost.units)
        try:
            await self._app(scope, receive, send)
        finally:
            requests.places.give_back(address, cost.units)
