"""Speech and embedding engines of providers, made for the vendors' servers on the loopback."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from nexus_voice.core.audio import RATE, Pcm, Voice
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.cartesia.tts import CartesiaTts
from nexus_voice.engines.deepgram.tts import DeepgramTts
from nexus_voice.engines.google.stt import GoogleStt
from nexus_voice.engines.google.tts import GoogleTts
from nexus_voice.engines.openai.embedder import OpenAiEmbedder
from nexus_voice.engines.openai.stt import OpenAiStt
from nexus_voice.engines.openai.tts import OpenAiTts
from openai_server import Reply, Request
from vendors import cartesia, deepgram, google_speech, openai_speech
from vendors.loopback import serving
from vendors.sound import tone

KEY = "sk-secret-123"
SPEECH = Pcm(tone("x" * 40, rate=RATE), RATE)
HELLO = "Hello, big world."

Make = Callable[..., Any]
ENGINES: dict[str, tuple[Make, Callable[[Request], Reply], str]] = {
    "openai stt": (lambda url, **o: OpenAiStt(url, KEY, "m", **o), openai_speech.usual, "first_result"),
    "openai tts": (lambda url, **o: OpenAiTts(url, KEY, "m", **o), openai_speech.usual, "first_audio"),
    "openai embed": (lambda url, **o: OpenAiEmbedder(url, KEY, "m", **o), openai_speech.usual, "within"),
    "deepgram tts": (lambda url, **o: DeepgramTts(KEY, base_url=url, **o), deepgram.speak, "first_audio"),
    "cartesia tts": (lambda url, **o: CartesiaTts(KEY, base_url=url, **o), cartesia.usual, "first_audio"),
    "google stt": (lambda url, **o: GoogleStt(KEY, base_url=url, **o), google_speech.usual, "first_result"),
    "google tts": (lambda url, **o: GoogleTts(KEY, base_url=url, **o), google_speech.usual, "first_audio"),
}


async def frames(sound: Pcm = SPEECH) -> AsyncGenerator[Pcm]:
    for at in range(0, len(sound.data), 640):
        yield Pcm(sound.data[at : at + 640], sound.rate)


async def use(engine: Any) -> list[Any]:
    if hasattr(engine, "embed"):
        return list(await engine.embed(["Hello"], "query"))
    stream = engine.speak(HELLO, Voice()) if hasattr(engine, "speak") else engine.transcribe(frames())
    async with aclosing(stream) as pieces:
        return [piece async for piece in pieces]


def sound(pieces: list[Any]) -> bytes:
    return b"".join(piece.data for piece in pieces if isinstance(piece, Pcm))


async def refused(kind: str, reply: Reply, *more: Reply, **options: Any) -> EngineError:
    make, usual, _ = ENGINES[kind]
    async with serving(usual) as server, make(server.url, **options) as engine:
        server.replies.extend([reply, *more])
        with pytest.raises(EngineError) as caught:
            await use(engine)
        assert await use(engine)  # the next one works
    return caught.value
