"""Deepgram's speech synthesis."""

from urllib.parse import parse_qs, urlsplit

import pytest

from engines import contract
from engines.speech_providers import HELLO, KEY, sound
from nexus_voice.core.audio import Voice
from nexus_voice.engines.deepgram.tts import DeepgramTts
from vendors import deepgram
from vendors.loopback import serving
from vendors.sound import tone

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]


async def test_deepgram_requests_for_speech() -> None:
    async with serving(deepgram.speak) as server, DeepgramTts(KEY, base_url=server.url) as tts:
        assert sound(await contract.gather(tts.speak(HELLO, Voice()))) == tone(HELLO)
        await contract.gather(tts.speak(HELLO, Voice("aura-2-apollo-en", rate=2.0)))
        await contract.gather(tts.speak(HELLO, Voice("aura-asteria-en", rate=2.0)))
    queries = [parse_qs(urlsplit(request.path).query) for request in server.requests]
    assert [query["model"][0] for query in queries] == [
        "aura-2-thalia-en",
        "aura-2-apollo-en",
        "aura-asteria-en",
    ]
    assert [query.get("speed") for query in queries] == [None, ["1.5"], None]
    assert server.requests[0].headers["authorization"] == f"Token {KEY}"
    assert tts.name == "deepgram:aura-2-thalia-en"
