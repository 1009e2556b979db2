"""Deepgram's speech synthesis, Aura."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from ...core.audio import Pcm, Voice
from ..http.audio import PcmReader, has_words, next_pcm
from ..http.client import RemoteEngine, RemoteHttp

RATE = 24_000
MIN_SPEED, MAX_SPEED = 0.7, 1.5
"""Of Aura 2."""


class DeepgramTts(RemoteEngine):
    """Implements `ports.Tts`; enter it before use.

    A model is a voice and its language; `Voice.name` may name another ("aura-2-apollo-en"). Aura 2 has a
    speed and no pitch. `first_audio`: the longest wait, in seconds, for the first and any further sound.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://api.deepgram.com",
        model: str = "aura-2-thalia-en",
        first_audio: float = 10.0,
    ) -> None:
        key = api_key.strip()
        headers = {"Authorization": f"Token {key}"}
        self._http = RemoteHttp("tts", base_url, headers, setting="DEEPGRAM_API_KEY", secret=key)
        self._model, self._within = model, first_audio
        self.name = f"deepgram:{model}"

    async def ready(self) -> None:
        """Check that Deepgram answers and takes the key; costs nothing."""
        await self._http.ask("GET", "v1/auth/token", self._within)

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
            options["speed"] = min(max(voice.rate, MIN_SPEED), MAX_SPEED)
        reader, text = PcmReader(RATE), {"text": sentence}
        async with await self._http.open("POST", "v1/speak", self._within, params=options, json=text) as body:
            while pcm := await next_pcm(body, reader):
                yield pcm
