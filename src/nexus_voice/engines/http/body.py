"""The body of a provider's answer, read as it comes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from ...core.errors import EngineError

if TYPE_CHECKING:
    from .client import RemoteHttp

LONGEST_LINE = 8 << 20
"""Bytes; a provider that sends more without a line's end is not speaking this protocol."""
DRAIN = 0.05
"""Seconds to wait for the end of a body that has said all it should: then the connection can be kept."""


class Body:
    """Plain methods instead of generators: whoever leaves half-way has nothing to close."""

    def __init__(self, http: RemoteHttp, response: httpx.Response, within: float) -> None:
        self.response = response
        self._http, self._within = http, within
        self._bytes = response.aiter_bytes()
        self._rest = bytearray()
        self._ended = False

    async def piece(self) -> bytes:
        """The next bytes; empty at the end. Raises `EngineError` for a death or silence on the way."""
        if self._rest:
            data = bytes(self._rest)
            self._rest.clear()
            return data
        try:
            while not self._ended:
                with anyio.fail_after(self._within):
                    data = await anext(self._bytes, b"")
                    self._ended = not data
                if data:
                    return data
        except TimeoutError as error:
            raise self._http.timed_out(self._within) from error
        except httpx.HTTPError as error:
            raise self._http.broken() from error
        return b""

    def malformed(self, what: str) -> EngineError:
        return self._http.malformed(what)

    async def read(self) -> bytes:
        """All the rest."""
        whole = bytearray()
        while data := await self.piece():
            whole += data
        return bytes(whole)

    async def line(self) -> bytes | None:
        """The next line without its end; None after the last."""
        held, seen = bytearray(), 0
        while (end := held.find(b"\n", seen)) < 0:
            seen = len(held)
            if seen > LONGEST_LINE:
                raise self._http.malformed("an endless line")
            if not (data := await self.piece()):
                return bytes(held) if held else None
            held += data
        self._rest = held[end + 1 :]
        return bytes(held[:end].removesuffix(b"\r"))

    async def event(self) -> Any | None:
        """The decoded JSON of the next server-sent event that has data; None at the end, or at [DONE].

        Comments, event names and what nobody knows are passed over, as the standard says. Data over
        several lines is put together.
        """
        data: list[bytes] = []
        while (line := await self.line()) is not None:
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
            elif not line and data:
                break
        whole = b"\n".join(data)
        return None if whole in (b"", b"[DONE]") else self._http.decoded(whole)

    async def close(self, *, drain: bool) -> None:
        """With `drain`, a body that is all but over is read to its end, which frees its connection.

        Otherwise the connection is cut, by a cancelled read, which unwinds every layer of httpx.
        """
        with suppress(httpx.HTTPError), anyio.move_on_after(DRAIN if drain else 0, shield=True):
            async for _ in self._bytes:
                pass
        with anyio.CancelScope(shield=True):
            await self.response.aclose()
