"""Google Cloud Text-to-Speech, version 1 over REST. It gives a sentence's sound all at once."""

from __future__ import annotations

import base64
import math
from collections.abc import AsyncGenerator
from typing import Any

from ...core.audio import Pcm, Voice
from ..http.audio import PcmReader, has_words
from ..http.client import RemoteEngine, RemoteHttp

RATE = 24_000
PIECE_BYTES = RATE // 5 * 2
"""0.2 s: the whole sentence comes at once and is handed on in pieces."""
MIN_SPEED, MAX_SPEED = 0.25, 2.0
MAX_SEMITONES = 20.0
"""How far the pitch may be changed, up or down."""


class GoogleTts(RemoteEngine):
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
        key = api_key.strip()
        headers = {"X-Goog-Api-Key": key}  # in a header, because addresses are logged
        self._http = RemoteHttp("tts", base_url, headers, setting="GOOGLE_API_KEY", secret=key)
        self._voice, self._language, self._within = voice, language, first_audio
        self.name = f"google:{voice or language}"

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
        with self._http.errors.reading("no sound"):
            pcm = PcmReader(RATE).feed(base64.b64decode(answer["audioContent"], validate=True))
        if not pcm:
            raise self._http.errors.malformed("no sound")
        for at in range(0, len(pcm.data), PIECE_BYTES):
            yield Pcm(pcm.data[at : at + PIECE_BYTES], pcm.rate)

    def _chosen(self, voice: Voice) -> dict[str, str]:
        name = voice.name or ("" if voice.language else self._voice)
        if name:
            return {"languageCode": "-".join(name.split("-")[:2]), "name": name}
        return {"languageCode": voice.language or self._language}


def _manner(voice: Voice) -> dict[str, Any]:
    """Only what differs from the usual: some voices refuse even to be told the usual."""
    manner = {}
    if voice.rate != 1.0:
        manner["speakingRate"] = min(max(voice.rate, MIN_SPEED), MAX_SPEED)
    if voice.pitch != 1.0:
        manner["pitch"] = min(max(12 * math.log2(max(voice.pitch, 0.1)), -MAX_SEMITONES), MAX_SEMITONES)
    return manner
