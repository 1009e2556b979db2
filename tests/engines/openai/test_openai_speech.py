"""OpenAI-compatible recognition, synthesis and embeddings."""

from typing import Any

import numpy as np
import pytest

from engines import contract
from engines.speech_providers import HELLO, KEY, SPEECH, refused, sound, use
from nexus_voice.core.audio import RATE, Transcript, Voice, Word
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.openai.embedder import OpenAiEmbedder
from nexus_voice.engines.openai.stt import OpenAiStt, iso639
from nexus_voice.engines.openai.tts import OpenAiTts
from openai_server import Reply, refusal
from vendors import openai_speech
from vendors.loopback import said, serving
from vendors.sound import cut, tone, wav

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]


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


async def test_openai_models_without_verbose_answers_get_plain_requests_from_then_on() -> None:
    no = refusal(400, "response_format 'verbose_json' is not compatible with model", "unsupported_value")
    async with serving(openai_speech.usual) as server, OpenAiStt(server.url, model="m") as stt:
        server.replies.extend([no, said({"text": "Hi."}), said({"text": "Again."})])
        assert await use(stt) == [Transcript("Hi.", True)]
        assert await use(stt) == [Transcript("Again.", True)]
    formats = [openai_speech.form(request)["response_format"] for request in server.requests]
    assert formats == ["verbose_json", "json", "json"]


async def test_openai_hallucinations_in_silence_are_dropped() -> None:
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
async def test_openai_without_a_model_takes_the_servers_likely_one(
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


async def test_openai_requests_for_speech() -> None:
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
async def test_openai_malformed_embeddings(rows: list[Any]) -> None:
    error = await refused("openai embed", said({"data": rows}))
    assert (error.code, error.retryable) == ("embed_malformed", True)
