"""Any OpenAI-compatible speech synthesis: OpenAI, Groq, Kokoro-FastAPI, Speaches, another Nexus Voice."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from ...core.audio import Pcm, Voice
from ..http.audio import PcmReader, has_words, next_pcm
from ..http.client import RemoteEngine
from .http import connection, likely_model

RATE = 24_000
"""Hz, of "pcm" in this protocol."""
MIN_SPEED, MAX_SPEED = 0.25, 4.0
_SPEECH_MODELS = ("tts", "kokoro", "speech", "piper", "orpheus", "voice", "audio")
_DEFAULT_MODEL = "tts-1"


class OpenAiTts(RemoteEngine):
    """Implements `ports.Tts`; enter it before use.

    With an empty `model` it takes the server's first whose name sounds like a synthesiser; `voice` is used
    for a `Voice` without a name. `first_audio`: the longest wait, in seconds, for the first and for any
    further sound. The protocol has a speed and no pitch.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        model: str = "",
        voice: str = "",
        *,
        first_audio: float = 20.0,
        provider: str = "openai",
    ) -> None:
        self._http = connection("tts", base_url, api_key)
        self._model, self._voice, self._within = model, voice or "alloy", first_audio
        self._provider = provider
        self.name = f"{provider}:{model}" if model else provider

    async def ready(self) -> None:
        """Check that the server answers and takes the key, and choose the model."""
        model = await likely_model(self._http, self._within, _SPEECH_MODELS, _DEFAULT_MODEL)
        self._model = self._model or model
        self.name = f"{self._provider}:{self._model}"

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm]:
        """Audio as it comes, at 24 kHz (or a WAV file's own rate)."""
        if not has_words(sentence):
            return
        if not self._model:
            await self.ready()
        order: dict[str, Any] = {
            "model": self._model,
            "input": sentence,
            "voice": voice.name or self._voice,
            "response_format": "pcm",
        }
        if voice.rate != 1.0:
            order["speed"] = min(max(voice.rate, MIN_SPEED), MAX_SPEED)
        reader = PcmReader(RATE)
        async with await self._http.open("POST", "audio/speech", self._within, json=order) as body:
            while pcm := await next_pcm(body, reader):
                yield pcm
