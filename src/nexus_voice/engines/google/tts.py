"""Google Cloud Text-to-Speech, version 1 over REST: a sentence at a time, a fallback."""

from __future__ import annotations

import base64
import math
from collections.abc import AsyncGenerator
from typing import Any, Self

from ...core.audio import Pcm, Voice
from ..http.audio import PcmReader, has_words
from .http import connection

RATE = 24_000
PIECE = RATE // 5 * 2
"""Bytes of 0.2 s: the whole sentence comes at once and is handed on in pieces."""
SLOWEST, FASTEST = 0.25, 2.0
SEMITONES = 20.0
"""The pitch may be changed by this much, up or down."""


class GoogleTts:
    """Implements `ports.Tts`; enter it before use.

    `voice` and `Voice.name` are Google's names, such as "en-US-Neural2-F" (not every voice has a pitch);
    empty, Google chooses one for the language. `first_audio`: seconds to the sound of a sentence.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://texttospeech.googleapis.com",
        voice: str = "",
        language: str = "en-US",
        first_audio: float = 10.0,
    ) -> None:
        self._http = connection("tts", api_key, base_url)
        self._voice, self._language, self._within = voice, language, first_audio
        self.name = f"google:{voice or language}"

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()

    async def ready(self) -> None:
        """Check that Google answers and takes the key; costs nothing."""
        await self._http.ask("GET", "v1/voices", self._within, params={"languageCode": self._language})

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm]:
        """Audio at 24 kHz, all at once."""
        if not has_words(sentence):
            return
        order = {
            "input": {"text": sentence},
            "voice": self._chosen(voice),
            "audioConfig": {"audioEncoding": "LINEAR16", "sampleRateHertz": RATE, **_manner(voice)},
        }
        answer = await self._http.ask("POST", "v1/text:synthesize", self._within, json=order)
        try:
            pcm = PcmReader(RATE).feed(base64.b64decode(answer["audioContent"], validate=True))
        except (KeyError, TypeError, ValueError) as error:
            raise self._http.malformed("no sound") from error
        if not pcm:
            raise self._http.malformed("no sound")
        for at in range(0, len(pcm.data), PIECE):
            yield Pcm(pcm.data[at : at + PIECE], pcm.rate)

    def _chosen(self, voice: Voice) -> dict[str, str]:
        name = voice.name or ("" if voice.language else self._voice)
        if name:
            return {"languageCode": "-".join(name.split("-")[:2]), "name": name}
        return {"languageCode": voice.language or self._language}


def _manner(voice: Voice) -> dict[str, Any]:
    """Only what differs from the usual: some voices refuse even to be told the usual."""
    manner = {}
    if voice.rate != 1.0:
        manner["speakingRate"] = min(max(voice.rate, SLOWEST), FASTEST)
    if voice.pitch != 1.0:
        manner["pitch"] = min(max(12 * math.log2(max(voice.pitch, 0.1)), -SEMITONES), SEMITONES)
    return manner
