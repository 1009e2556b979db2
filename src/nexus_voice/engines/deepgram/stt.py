"""Deepgram's streaming speech recognition: words while the user speaks, one WebSocket an utterance."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import Any, Self

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from httpx_ws import AsyncWebSocketSession

from ...core.audio import RATE, Pcm, Transcript
from ..http.client import RemoteHttp
from ..http.socket import message, websocket
from .stream import Microphone, Result
from .stream_in_task import stream_in_task

Out = MemoryObjectSendStream[Transcript]


class DeepgramStt:
    """Implements `ports.Stt`; enter it before use.

    `language`: a tag such as "en" or "de", or "multi", with which Deepgram recognises it. `first_result`
    bounds, in seconds, the opening of the connection and the wait from the utterance's end to its final text.
    """

    early_words = True

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://api.deepgram.com",
        model: str = "nova-3",
        language: str = "en",
        first_result: float = 10.0,
    ) -> None:
        key = api_key.strip()
        headers = {"Authorization": f"Token {key}"}
        self._http = RemoteHttp("stt", base_url, headers, setting="DEEPGRAM_API_KEY", secret=key)
        self._within, self._language = first_result, "" if language == "multi" else language.split("-")[0]
        self._options = {
            "model": model,
            "language": language,
            "encoding": "linear16",
            "sample_rate": RATE,
            "channels": 1,
            "interim_results": "true",
            "punctuate": "true",
            "smart_format": "true",
            "endpointing": "false",  # we decide when an utterance is over
        }
        self.name = f"deepgram:{model}"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._http)
            self._tasks = await stack.enter_async_context(anyio.create_task_group())
            self._life = stack.pop_all()
        return self

    async def __aexit__(self, *error: Any) -> bool | None:
        self._tasks.cancel_scope.cancel()
        return await self._life.__aexit__(*error)

    async def ready(self) -> None:
        """Check that Deepgram answers and takes the key; costs nothing."""
        await self._http.ask("GET", "v1/auth/token", self._within)

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        """Partials are the settled text and a guess at the rest. Word times count from the first sample."""
        results = stream_in_task(self._tasks, partial(self._recognise, audio), self.name)
        async with aclosing(results) as transcripts:
            async for transcript in transcripts:
                yield transcript

    async def _recognise(self, audio: AsyncIterator[Pcm], out: Out) -> None:
        result = Result(self._language)
        try:
            if (first := await anext(audio, None)) is not None:
                async with (
                    websocket(self._http, "v1/listen", self._within, params=self._options) as socket,
                    anyio.create_task_group() as tasks,
                ):
                    microphone = Microphone(socket, self._within)
                    tasks.start_soon(microphone.send, first, audio)
                    tasks.start_soon(microphone.keep_alive)
                    await self._listen(socket, microphone, result, out)
                    tasks.cancel_scope.cancel()
            await out.send(result.transcript(final=True))
        finally:
            if isinstance(audio, AsyncGenerator):  # close it in the task that ran it
                with anyio.CancelScope(shield=True):
                    await audio.aclose()

    async def _listen(
        self, socket: AsyncWebSocketSession, microphone: Microphone, result: Result, out: Out
    ) -> None:
        """Send the partials, until the whole utterance is recognised."""
        with microphone.final_timeout as final_timeout:
            while (said := await message(self._http, socket)) is not None:
                with self._http.errors.reading(said):
                    last, changed = result.take(said)
                    if said["type"] == "Error":
                        reason = said.get("description") or said.get("message")
                        raise self._http.errors.failed(500, reason)
                if last and microphone.ended:
                    return
                if changed:
                    await out.send(result.transcript(final=False))
        if final_timeout.cancelled_caught:
            raise self._http.errors.timed_out(self._within)
        if not microphone.ended:
            raise self._http.errors.broken()
