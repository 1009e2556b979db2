"""Cartesia's speech synthesis, and its word times."""

import pytest

from engines import contract
from engines.speech_providers import HELLO, KEY, refused, sound
from nexus_voice.core.audio import Mark, Voice
from nexus_voice.engines.cartesia.tts import CartesiaTts, WordMarks
from openai_server import SSE, Reply
from vendors import cartesia
from vendors.loopback import serving
from vendors.sound import tone

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]


async def test_cartesia_gives_sound_and_word_times() -> None:
    async with serving(cartesia.usual) as server, CartesiaTts(KEY, base_url=server.url) as tts:
        pieces = await contract.gather(tts.speak(HELLO, Voice()))
        await contract.gather(tts.speak(HELLO, Voice("other", rate=9, language="de")))
    data = sound(pieces)
    assert data == tone(HELLO)
    marks = [piece for piece in pieces if isinstance(piece, Mark)]
    assert [HELLO[: mark.chars] for mark in marks] == ["Hello,", "Hello, big", HELLO, HELLO]
    assert [round(mark.at / (len(data) / 48_000), 2) for mark in marks] == [0.3, 0.63, 0.97, 1]
    first, second = server.requests
    assert first.headers["cartesia-version"] == "2026-03-01"
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert "generation_config" not in first.body
    assert second.body["generation_config"] == {"speed": 1.5}
    assert (second.body["voice"]["id"], second.body["language"]) == ("other", "de")


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (cartesia.event("error", status_code=429, title="Too many", message="limit"), "tts_limit"),
        (cartesia.event("error", status_code=400, error="old shape"), "tts_request"),
        (cartesia.event("error", status_code=None), "tts_failed"),
        (cartesia.event("chunk", data="*"), "tts_malformed"),
        (cartesia.event("chunk"), "tts_malformed"),
        (cartesia.times(["a"], [0], []), "tts_malformed"),
        (cartesia.DONE, "tts_malformed"),
        (cartesia.event("flush_done"), "tts_stream_broken"),
    ],
)
async def test_cartesias_errors_in_the_stream(event: bytes, code: str) -> None:
    assert (await refused("cartesia tts", Reply([event], type=SSE))).code == code


@pytest.mark.parametrize(
    ("sentence", "words", "said"),
    [
        ("Hello, big world.", ["hello", "BIG", "world"], ["Hello,", "Hello, big", "Hello, big world."]),
        ("well-known fact", ["well", "known", "fact"], ["well", "well-known", "well-known fact"]),
        ("New York is big", ["New York", "is big"], ["New York", "New York is big"]),
        ("I have 20 pens", ["I", "have", "twenty", "pens"], ["I", "I have", "I have 20 pens"]),
        ("a a b", ["a", "a", "b"], ["a", "a a", "a a b"]),
        ("Straße 你好!", ["strasse", "你", "好"], ["Straße", "Straße 你", "Straße 你好!"]),
        ("Yes.", ["", "?", "no", "yes"], ["Yes."]),
        ("", ["x"], []),
    ],
)
def test_words_are_found_in_their_sentence(sentence: str, words: list[str], said: list[str]) -> None:
    marks = WordMarks(sentence)
    found = [marks.mark(word, float(n)) for n, word in enumerate(words)]
    assert [sentence[: mark.chars] for mark in found if mark] == said
