"""Google Cloud's speech recognition and synthesis."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

import pytest

from engines import contract
from engines.speech_providers import ENGINES, HELLO, KEY, sound, use
from nexus_voice.core.audio import Transcript, Voice, Word
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.google.stt import GoogleStt
from nexus_voice.engines.google.tts import GoogleTts
from vendors import google_speech
from vendors.loopback import serving
from vendors.sound import tone

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]


async def test_google_hears_words_and_times() -> None:
    async with serving(google_speech.usual) as server, GoogleStt(KEY, base_url=server.url) as stt:
        server.replies.append(google_speech.recognised("Hello there", "you"))
        (final,) = await use(stt)
        server.replies.append(google_speech.recognised())
        assert await use(stt) == [Transcript("", True, "en")]
    assert final.text == "Hello there you"
    assert final.words == (Word("Hello", 0, 0.5), Word("there", 1, 1.5), Word("you", 0, 0.5))
    assert final.language == "en"
    request = server.requests[0]
    assert request.path == "/v1/speech:recognize"
    assert request.headers["x-goog-api-key"] == KEY
    assert request.body["config"]["languageCode"] == "en-US"


async def test_google_requests_for_speech() -> None:
    async with serving(google_speech.usual) as server, GoogleTts(KEY, base_url=server.url) as tts:
        assert sound(await contract.gather(tts.speak(HELLO, Voice()))) == tone(HELLO)
        await contract.gather(tts.speak(HELLO, Voice("en-GB-Neural2-A", rate=1.5, pitch=2.0)))
        await contract.gather(tts.speak(HELLO, Voice(language="de")))
    first, second, third = (request.body for request in server.requests)
    assert first["voice"] == {"languageCode": "en-US"}
    assert first["audioConfig"] == {"audioEncoding": "LINEAR16", "sampleRateHertz": 24_000}
    assert second["voice"] == {"languageCode": "en-GB", "name": "en-GB-Neural2-A"}
    assert (second["audioConfig"]["speakingRate"], second["audioConfig"]["pitch"]) == (1.5, 12.0)
    assert third["voice"] == {"languageCode": "de"}


@pytest.mark.parametrize("kind", ["google stt", "google tts"])
async def test_google_refuses_a_bad_key_with_400(kind: str) -> None:
    make, usual, _ = ENGINES[kind]
    message = "API key not valid. Please pass a valid API key."
    async with serving(usual) as server, make(server.url) as engine:
        for attempt in (engine.ready, partial[Awaitable[Any]](use, engine)):
            bad = google_speech.refusal(400, "INVALID_ARGUMENT", message, google_speech.BAD_KEY)
            server.replies.append(bad)
            with pytest.raises(EngineError, match="GOOGLE_API_KEY") as caught:
                await attempt()
            assert caught.value.code == f"{kind.split()[1]}_auth"
