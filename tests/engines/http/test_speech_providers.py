"""What holds for every provider of speech and embeddings, in the vendors' own formats."""

import logging
from contextlib import aclosing
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from engines import contract
from engines.speech_providers import ENGINES, HELLO, KEY, frames, refused, sound, use
from nexus_voice.core.audio import Voice, silence
from nexus_voice.core.errors import BadInput, EngineError
from openai_server import Reply, refusal
from vendors import cartesia, deepgram, google_speech
from vendors.loopback import said, serving
from vendors.sound import tone

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves its request body's generator to the collector when a kept connection fails; trio minds.
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]


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
