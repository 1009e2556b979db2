"""Deepgram's streaming recognition against a WebSocket server on the loopback, on asyncio and trio."""

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from engines import contract
from nexus_voice.core.audio import RATE, Pcm, Transcript, Word, silence
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.deepgram.stream import END_OF_AUDIO, Microphone, Result
from nexus_voice.engines.deepgram.stt import DeepgramStt
from openai_server import Reply
from vendors.deepgram import (
    CLOSE,
    FINALIZE,
    METADATA,
    Listening,
    ListenServer,
    Said,
    hears,
    listening,
    refusal,
    results,
)
from vendors.sound import tone

pytestmark = pytest.mark.anyio
KEY = "dg-secret-123"
SPEECH = Pcm(tone("x" * 20, rate=RATE), RATE)


@pytest.fixture
async def server() -> AsyncIterator[ListenServer]:
    async with listening() as server:
        yield server


def deepgram(server: ListenServer, **options: Any) -> DeepgramStt:
    return DeepgramStt(KEY, base_url=server.url, **options)


async def frames(sound: Pcm = SPEECH, then: anyio.Event | None = None) -> AsyncGenerator[Pcm]:
    for at in range(0, len(sound.data), 3200):
        yield Pcm(sound.data[at : at + 3200], sound.rate)
    if then:
        await then.wait()


async def heard(stt: DeepgramStt, audio: AsyncGenerator[Pcm] | None = None) -> list[Transcript]:
    return await contract.gather(stt.transcribe(audio or frames()))


async def refused(
    server: ListenServer, audio: AsyncGenerator[Pcm] | None = None, **options: Any
) -> EngineError:
    async with deepgram(server, **options) as stt:
        with pytest.raises(EngineError) as caught:
            await heard(stt, audio)
        server.script = hears
        assert (await heard(stt))[-1].final  # the next utterance is heard
    assert KEY not in caught.value.message + repr(caught.value)
    return caught.value


async def test_partials_are_the_settled_text_and_a_guess(server: ListenServer) -> None:
    said: dict[int, list[Said]] = {
        1: [{"type": "SpeechStarted"}, results("", final=False), results("What", final=False)],
        2: [results("What is", final=False), results("What is", final=False)],
        3: [results("What's the", final=True), {"type": "UtteranceEnd"}, results("time", final=False, at=2)],
        4: [results("time in", final=False, at=2)],
    }

    def script(listened: Listening, what: bytes | dict[str, Any]) -> Sequence[Said]:
        if what == FINALIZE:
            return [results("time in Rome?", final=True, at=2, from_finalize=True)]
        return said.get(len(listened.audio) // 3200, []) if isinstance(what, bytes) else []

    server.script = script
    async with deepgram(server) as stt:
        assert stt.name == "deepgram:nova-3"
        *partials, final = await heard(stt)
    assert [partial.text for partial in partials] == [
        "What",
        "What is",
        "What's the",
        "What's the time",
        "What's the time in",
    ]
    assert not any(partial.final for partial in partials)
    assert (final.text, final.final, final.language) == ("What's the time in Rome?", True, "en")
    assert final.words[1:3] == (Word("the", 1.0, 1.5), Word("time", 2.0, 2.5))
    (listened,) = server.listening
    assert listened.audio == SPEECH.data
    assert listened.headers["authorization"] == f"Token {KEY}"
    assert {key: listened.query[key] for key in ("model", "encoding", "sample_rate", "endpointing")} == {
        "model": ["nova-3"],
        "encoding": ["linear16"],
        "sample_rate": ["16000"],
        "endpointing": ["false"],
    }


async def test_the_end_is_also_known_without_an_answer_to_finalize(server: ListenServer) -> None:
    """Deepgram answers `Finalize` only "typically", and `CloseStream` always."""
    for ending in ([METADATA, 1000], [METADATA], [1000]):

        def script(_: Listening, what: bytes | dict[str, Any], ending: list[Said] = ending) -> Sequence[Said]:
            return [results("Yes.", final=True), *ending] if what == CLOSE else []

        server.script = script
        async with deepgram(server) as stt:
            assert (await heard(stt))[-1].text == "Yes."
            assert server.listening[-1].orders == list(END_OF_AUDIO)


async def test_language_can_be_recognised(server: ListenServer) -> None:
    server.script = lambda _, what: (
        [results("Hallo", final=True, language="de-DE", from_finalize=True)] if what == FINALIZE else []
    )
    async with deepgram(server, language="multi") as stt:
        assert (await heard(stt))[-1].language == "de"
    async with deepgram(server, language="pt-BR") as stt:
        assert (await heard(stt))[-1].language == "pt"
    assert [one.query["language"] for one in server.listening] == [["multi"], ["pt-BR"]]


async def test_two_speakers_at_once(server: ListenServer) -> None:
    async with deepgram(server) as stt:
        both = await contract.together(stt.transcribe(frames()), stt.transcribe(frames()))
    assert [one[-1].text for one in both] == ["Hello there."] * 2


@pytest.mark.parametrize("how", ["cancel", "leave"])
async def test_leaving_early_closes_the_connection(server: ListenServer, how: str) -> None:
    async with deepgram(server) as stt:
        with anyio.CancelScope() as scope:
            async with aclosing(stt.transcribe(frames(then=anyio.Event()))) as transcripts:
                assert (await anext(transcripts)).text == "Hello"
                if how == "cancel":
                    scope.cancel()
                    await anyio.lowlevel.checkpoint()
        with anyio.fail_after(2):
            await server.gone.wait()


@pytest.mark.parametrize(
    ("reply", "code", "retryable", "wait", "says"),
    [
        (refusal(401, "INVALID_AUTH", f"Invalid {KEY}"), "stt_auth", False, 0, "DEEPGRAM_API_KEY"),
        (refusal(402, "ASR_PAYMENT_REQUIRED", "No credits"), "stt_quota", False, 0, "no credit"),
        (refusal(403, "INSUFFICIENT_PERMISSIONS", "No access"), "stt_auth", False, 0, "No access"),
        (refusal(400, "Bad Request", "No such model/language"), "stt_request", False, 0, "No such model"),
        (refusal(429, "TOO_MANY_REQUESTS", "x", retry_after="4"), "stt_limit", True, 4, "in 4 s"),
        (refusal(503, "ASR_UNAVAILABLE", f"x {KEY}"), "stt_failed", True, 0, "x ***"),
        (Reply([b"<html>Hi</html>"], 200, "text/html"), "stt_malformed", True, 0, "no WebSocket"),
    ],
)
async def test_refused_connections(
    server: ListenServer,
    caplog: pytest.LogCaptureFixture,
    reply: Reply,
    code: str,
    retryable: bool,
    wait: float,
    says: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies.append(reply)
    error = await refused(server)
    assert (error.code, error.retryable, error.retry_after) == (code, retryable, wait)
    assert says in error.message
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        ("die", "stt_stream_broken", True),
        (1000, "stt_stream_broken", True),
        (1011, "stt_failed", True),
        (1008, "stt_request", False),
        ({"type": "Error", "description": "Oh no", "variant": "X"}, "stt_failed", True),
        ("{oops", "stt_malformed", True),
        ("17", "stt_malformed", True),
        ({"type": "Results", "is_final": True, "channel": {"alternatives": []}}, "stt_malformed", True),
        ({"no": "type"}, "stt_malformed", True),
    ],
)
async def test_errors_in_the_middle(server: ListenServer, answer: Said, code: str, retryable: bool) -> None:
    def script(listened: Listening, _: bytes | dict[str, Any]) -> Sequence[Said]:
        return [answer] if len(listened.audio) > 3200 else [results("Hel", final=False)]

    server.script = script
    error = await refused(server)
    assert (error.code, error.retryable) == (code, retryable)


async def test_a_missing_final_text_times_out(server: ListenServer) -> None:
    server.script = lambda *_: []
    error = await refused(server, first_result=0.2)
    assert (error.code, error.status, error.retryable) == ("stt_timeout", 504, True)


async def test_a_missing_answer_to_the_handshake_times_out(server: ListenServer) -> None:
    server.replies.append(Reply(before=anyio.Event()))
    assert (await refused(server, first_result=0.1)).code == "stt_timeout"


async def test_an_error_of_the_microphone_is_passed_on(server: ListenServer) -> None:
    async def broken() -> AsyncGenerator[Pcm]:
        yield SPEECH
        raise KeyError("microphone")

    async with deepgram(server) as stt:
        with pytest.raises(KeyError, match="microphone"):
            await heard(stt, broken())
        with pytest.raises(BadInput, match="16000 Hz"):
            await heard(stt, frames(silence(1, 8000)))
        assert (await heard(stt, frames(Pcm(b"", RATE)))) == [Transcript("", True, "en")]


async def test_no_server_at_the_address() -> None:
    async with listening() as gone:
        pass
    async with deepgram(gone) as stt:
        with pytest.raises(EngineError, match="No speech recognition service answers") as caught:
            await heard(stt)
        assert caught.value.code == "stt_unreachable"


def test_keep_alive_messages_while_there_is_nothing_to_send() -> None:
    """On virtual time: a pause of 10 s in the audio, as with a key that is held down in silence."""
    sent: list[tuple[float, str]] = []

    class Socket:
        async def send_json(self, order: Any) -> None:
            sent.append((anyio.current_time() - began, order["type"]))

        async def send_bytes(self, data: bytes) -> None:
            sent.append((anyio.current_time() - began, "audio"))

    async def audio() -> AsyncGenerator[Pcm]:
        for pause in (1, 10, 1):
            await anyio.sleep(pause)
            yield silence(0.1)

    async def main() -> None:
        nonlocal began
        began = anyio.current_time()
        microphone = Microphone(Socket(), 5.0)  # type: ignore[arg-type]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(microphone.send, silence(0.1), audio())
            tasks.start_soon(microphone.keep_alive)
        assert microphone.final_timeout.deadline == began + 12 + 5

    began = 0.0
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [(round(at), what) for at, what in sent] == [
        (0, "audio"),
        (1, "audio"),
        (5, "KeepAlive"),
        (9, "KeepAlive"),
        (11, "audio"),
        (12, "audio"),
        (12, "Finalize"),
        (12, "CloseStream"),
    ]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "channel", "alternatives", "transcript", "is_final", "words", "start"]
                ),
                inner,
            )
            | st.just({"type": "Results", "is_final": True, "channel": {"alternatives": [{}]}})
        ),
    )
)
def test_malformed_messages_are_recognised(said: Any) -> None:
    with suppress(TypeError, KeyError, IndexError, ValueError, AttributeError):
        last, news = Result("en").take(json.loads(json.dumps(said)))
        assert isinstance(last, bool)
        assert isinstance(news, bool)
