"""Remote speech and embedding engines against servers that speak the vendors' formats."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.lowlevel
import numpy as np
import pytest

from engines import contract
from nexus_voice.core.audio import RATE, Mark, Pcm, Transcript, Voice, Word, silence
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.cartesia.tts import CartesiaTts, WordMarks
from nexus_voice.engines.deepgram.tts import DeepgramTts
from nexus_voice.engines.google.stt import GoogleStt
from nexus_voice.engines.google.tts import GoogleTts
from nexus_voice.engines.openai.embedder import OpenAiEmbedder
from nexus_voice.engines.openai.stt import OpenAiStt, iso639
from nexus_voice.engines.openai.tts import OpenAiTts
from openai_server import SSE, Reply, Request, refusal
from vendors import cartesia, deepgram, google_speech, openai_speech
from vendors.loopback import said, serving
from vendors.sound import cut, tone, wav

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]
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


# --- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENGINES)
async def test_errors_are_plain_and_never_show_the_key(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = kind.split()[1]
    said_by = {
        "openai": lambda status, **h: refusal(status, f"Incorrect API key provided: {KEY}", "x", **h),
        "deepgram": lambda status, **h: deepgram.refusal(status, "INVALID_AUTH", f"Bad {KEY}", **h),
        "cartesia": lambda status, **h: cartesia.refusal(status, "code", "Title", f"Bad {KEY}", **h),
        "google": lambda status, **h: google_speech.refusal(status, "STATUS", f"Bad {KEY}", **h),
    }[kind.split()[0]]
    for status, code, retryable in (
        (401, "auth", False),
        (402, "quota", False),
        (403, "auth", False),
        (429, "limit", True),
        (500, "failed", True),
    ):
        error = await refused(kind, said_by(status, retry_after="3"))
        assert (error.code, error.retryable) == (f"{port}_{code}", retryable)
        assert error.retry_after == (3.0 if retryable else 0.0)
        assert KEY not in error.message + repr(error)
        if code == "auth":
            assert "_API_KEY" in error.message
    assert KEY not in caplog.text


@pytest.mark.parametrize("kind", ENGINES)
async def test_malformed_and_broken_answers_fail_one_call_only(kind: str) -> None:
    port = kind.split()[1]
    strange = said({"results": [7]} if kind == "google stt" else {"hello": 1})  # to Google {} is silence
    for reply in (Reply([b"<html>Welcome!</html>"], type="text/html"), strange, said([1])):
        assert (await refused(kind, reply)).code in (f"{port}_malformed", f"{port}_stream_broken")
    error = await refused(kind, Reply([b"{"], type="application/octet-stream", end="cut"))
    assert (error.code, error.retryable) == (f"{port}_stream_broken", True)


@pytest.mark.parametrize("kind", ENGINES)
async def test_a_silent_provider_times_out(kind: str) -> None:
    port, never = kind.split()[1], anyio.Event()
    for reply in (Reply(before=never), Reply([b" ", never], type="audio/pcm")):
        make, usual, limit = ENGINES[kind]
        async with serving(usual) as server, make(server.url, **{limit: 0.1}) as engine:
            server.replies.append(reply)
            with pytest.raises(EngineError) as caught:
                await use(engine)
            assert (caught.value.code, caught.value.retryable) == (f"{port}_timeout", True)
            with anyio.fail_after(2):
                await server.gone.wait()


@pytest.mark.parametrize("kind", ENGINES)
async def test_no_server_at_the_address(kind: str) -> None:
    make, usual, _ = ENGINES[kind]
    async with serving(usual) as gone:
        pass
    async with make(gone.url) as engine:
        for attempt in (engine.ready, partial(use, engine)):
            with pytest.raises(EngineError) as caught:
                await attempt()
            assert caught.value.code == f"{kind.split()[1]}_unreachable"


@pytest.mark.parametrize("kind", ENGINES)
async def test_cancelling_closes_the_connection_at_once(kind: str) -> None:
    make, usual, _ = ENGINES[kind]
    async with serving(usual) as server, make(server.url) as engine:
        server.replies.append(Reply(before=anyio.Event()))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use, engine)
            while not server.requests:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
            with anyio.fail_after(2, shield=True):
                await server.gone.wait()


@pytest.mark.parametrize("kind", ["openai tts", "deepgram tts", "cartesia tts"])
@pytest.mark.parametrize("how", ["cancel", "leave"])
async def test_the_first_sound_comes_at_once_and_the_rest_may_be_cancelled(kind: str, how: str) -> None:
    make, usual, _ = ENGINES[kind]
    first = cartesia.chunk(tone("Hello")) if kind.startswith("cartesia") else tone("Hello")
    async with serving(usual) as server, make(server.url) as engine:
        server.replies.append(Reply([first, anyio.Event()], type="audio/pcm"))
        with anyio.CancelScope() as scope:
            async with aclosing(engine.speak(HELLO, Voice())) as pieces:
                assert sound([await anext(pieces)]) == tone("Hello")
                if how == "cancel":
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
        with anyio.fail_after(2):
            await server.gone.wait()


@pytest.mark.parametrize("kind", ["openai tts", "deepgram tts", "cartesia tts"])
async def test_a_connection_that_dies_after_the_first_sound(kind: str) -> None:
    first = cartesia.chunk(tone("Hello")) if kind.startswith("cartesia") else tone("Hello")
    error = await refused(kind, Reply([first], type="audio/pcm", end="cut"))
    assert (error.code, error.retryable) == ("tts_stream_broken", True)


@pytest.mark.parametrize("kind", ["openai stt", "google stt"])
async def test_other_rates_are_refused_and_a_moment_of_sound_is_not_sent(kind: str) -> None:
    make, usual, _ = ENGINES[kind]
    async with serving(usual) as server, make(server.url) as engine:
        with pytest.raises(BadInput, match="16000 Hz"):
            await contract.gather(engine.transcribe(frames(silence(0.5, 8000))))
        (final,) = await contract.gather(engine.transcribe(frames(silence(0.09))))
        assert (final.text, final.final) == ("", True)
        assert not server.requests


# --- OpenAI-compatible ---------------------------------------------------------------------------


async def test_openai_hears_words_language_and_times() -> None:
    words = [{"word": "Hello", "start": 0.0, "end": 0.4}, {"word": " there", "start": 0.5, "end": 0.9}]
    async with serving(openai_speech.usual) as server, OpenAiStt(server.url, KEY, "w", "en") as stt:
        server.replies.append(openai_speech.verbose("Hello there.", words=words))
        (final,) = await use(stt)
    assert final == Transcript("Hello there.", True, "en", (Word("Hello", 0, 0.4), Word("there", 0.5, 0.9)))
    form = openai_speech.form(server.requests[0])
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert form.pop("file") == wav(SPEECH.data, RATE)
    assert form == {
        "model": "w",
        "language": "en",
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
    }


async def test_openai_models_without_verbose_answers_are_asked_plainly_from_then_on() -> None:
    no = refusal(400, "response_format 'verbose_json' is not compatible with model", "unsupported_value")
    async with serving(openai_speech.usual) as server, OpenAiStt(server.url, model="m") as stt:
        server.replies.extend([no, said({"text": "Hi."}), said({"text": "Again."})])
        assert await use(stt) == [Transcript("Hi.", True)]
        assert await use(stt) == [Transcript("Again.", True)]
    formats = [openai_speech.form(request)["response_format"] for request in server.requests]
    assert formats == ["verbose_json", "json", "json"]


async def test_openai_phantoms_in_silence_are_not_heard() -> None:
    segments = [
        {"text": " Thank you.", "no_speech_prob": 0.9, "avg_logprob": -1.4},
        {"text": " Hello.", "no_speech_prob": 0.7, "avg_logprob": -0.2},
    ]
    async with serving(openai_speech.usual) as server, OpenAiStt(server.url, model="m") as stt:
        server.replies.append(openai_speech.verbose("Thank you. Hello.", segments=segments))
        assert (await use(stt))[0].text == "Hello."


@pytest.mark.parametrize(
    ("said", "code"), [("english", "en"), ("de", "de"), ("zh-CN", "zh"), ("Klingon", ""), ("", "")]
)
def test_names_of_languages(said: str, code: str) -> None:
    assert iso639(said) == code


@pytest.mark.parametrize(
    ("engine", "chosen", "usual"),
    [
        (OpenAiStt, "whisper-large-v3-turbo", "whisper-1"),
        (OpenAiTts, "kokoro-82m", "tts-1"),
        (OpenAiEmbedder, "bge-small", "text-embedding-3-small"),
    ],
)
async def test_openai_without_a_model_the_servers_likely_one_is_taken(
    engine: Any, chosen: str, usual: str
) -> None:
    async with serving(openai_speech.usual) as server:
        async with engine(server.url) as made:
            assert await use(made)
            assert made.name == f"openai:{chosen}"
        for listing, name in (
            (openai_speech.models("a", "b"), usual),
            (openai_speech.models("my-own"), "my-own"),
            (refusal(404, "no list here"), usual),
        ):
            server.replies.append(listing)
            async with engine(server.url) as made:
                assert made.name == "openai"
                await made.ready()
                assert made.name == f"openai:{name}"
        server.replies.append(refusal(401, "no"))
        async with engine(server.url, KEY) as made:
            with pytest.raises(EngineError, match="_API_KEY"):
                await made.ready()


async def test_openai_says_what_is_ordered() -> None:
    async with serving(openai_speech.usual) as server, OpenAiTts(server.url, KEY, "m", "ash") as tts:
        data = sound(await contract.gather(tts.speak(HELLO, Voice())))
        assert data == tone(HELLO)
        await contract.gather(tts.speak(HELLO, Voice("nova", rate=1.5)))
        assert await contract.gather(tts.speak("...", Voice())) == []
    first, second = (request.body for request in server.requests)
    assert first == {"model": "m", "input": HELLO, "voice": "ash", "response_format": "pcm"}
    assert (second["voice"], second["speed"]) == ("nova", 1.5)


async def test_openai_servers_that_answer_in_wav_are_understood() -> None:
    async with serving(openai_speech.usual) as server, OpenAiTts(server.url, model="m") as tts:
        server.replies.append(Reply(cut(wav(tone(HELLO), 22_050), 11), type="audio/wav"))
        pieces = await contract.gather(tts.speak(HELLO, Voice()))
    assert sound(pieces) == tone(HELLO)
    assert {pcm.rate for pcm in pieces} == {22_050}


@pytest.mark.parametrize(("type", "data"), [("audio/mpeg", b"\xff\xf3\x44"), ("audio/pcm", b"ID3\x04ab")])
async def test_openai_servers_that_answer_in_mp3_make_no_noise(type: str, data: bytes) -> None:
    assert (await refused("openai tts", Reply([data * 100], type=type))).code == "tts_malformed"


@pytest.mark.parametrize("dimensions", [0, 16])
async def test_openai_embeddings_in_batches_and_any_encoding(dimensions: int) -> None:
    texts = [f"text {n}" for n in range(150)]
    no = refusal(400, "encoding_format is not supported")
    async with serving(openai_speech.usual) as server:
        async with OpenAiEmbedder(server.url, KEY, "m", dimensions) as embedder:
            packed = await embedder.embed(texts, "passage")
        assert packed.shape == (150, dimensions or openai_speech.DIMENSIONS)
        assert embedder.dimensions == packed.shape[1]
        sizes = [len(request.body["input"]) for request in server.requests]
        assert sizes == ([] if dimensions else [1]) + [64, 64, 22]
        assert all(request.body.get("dimensions", 0) == dimensions for request in server.requests)
        async with OpenAiEmbedder(server.url, KEY, "m", dimensions) as embedder:
            server.replies.append(no)
            plain = await embedder.embed(texts, "passage")
        assert "encoding_format" not in server.requests[-1].body
    np.testing.assert_allclose(plain, packed, atol=1e-6)


async def test_openai_embeddings_are_prefixed_as_the_model_wants() -> None:
    async with (
        serving(openai_speech.usual) as server,
        OpenAiEmbedder(server.url, model="e5", query_prefix="query: ") as embedder,
    ):
        await embedder.ready()
        await embedder.embed(["a", ""], "query")
        await embedder.embed(["a"], "passage")
    assert [request.body["input"] for request in server.requests[1:]] == [["query: a", "query: "], ["a"]]


@pytest.mark.parametrize(
    "rows",
    [
        [{"index": 0, "embedding": [0.0, 0.0]}],
        [{"index": 0, "embedding": []}],
        [{"index": 0, "embedding": [1.0, None]}],
        [{"index": 0, "embedding": "*"}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}],
        [],
    ],
)
async def test_openai_embeddings_that_are_none(rows: list[Any]) -> None:
    error = await refused("openai embed", said({"data": rows}))
    assert (error.code, error.retryable) == ("embed_malformed", True)


# --- the others ----------------------------------------------------------------------------------


async def test_deepgram_says_what_is_ordered() -> None:
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


async def test_google_says_what_is_ordered() -> None:
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
