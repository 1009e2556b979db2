"""Deepgram's speech synthesis, Aura."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Self

from ...core.audio import Pcm, Voice
from ..http.audio import PcmReader, has_words, next_pcm
from .http import URL, check, connection

RATE = 24_000
SLOWEST, FASTEST = 0.7, 1.5
"""The speeds that Aura 2 knows."""


class DeepgramTts:
    """Implements `ports.Tts`; enter it before use.

    A model is a voice and its language; `Voice.name` may name another ("aura-2-apollo-en"). Aura 2 has a
    speed and no pitch. `first_audio`: the longest wait, in seconds, for the first and any further sound.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = URL,
        model: str = "aura-2-thalia-en",
        first_audio: float = 10.0,
    ) -> None:
        self._http = connection("tts", api_key, base_url)
        self._model, self._within = model, first_audio
        self.name = f"deepgram:{model}"

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def ready(self) -> None:
        await check(self._http, self._within)

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm]:
        """Audio at 24 kHz, as it comes."""
        if not has_words(sentence):
            return
        model = voice.name or self._model
        options: dict[str, Any] = {
            "model": model,
            "encoding": "linear16",
            "sample_rate": RATE,
            "container": "none",
        }
        if voice.rate != 1.0 and model.startswith("aura-2"):  # the first Aura refuses it
            options["speed"] = min(max(voice.rate, SLOWEST), FASTEST)
        reader, text = PcmReader(RATE), {"text": sentence}
        async with self._http.stream("POST", "v1/speak", self._within, params=options, json=text) as body:
            while pcm := await next_pcm(body, reader):
                yield pcm
