"""Chains that keys alone make: a whole server, the providers' real wire formats, all on loopback.

The first provider answers; it goes away and the second takes over; that goes away too, and this
machine's own engine does it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from pydantic import SecretStr

import clips
import vendors.cartesia
import vendors.deepgram
import vendors.gemini
import vendors.google_speech
import vendors.openai_speech
from nexus_voice.audio.files import read_audio, wav_bytes
from serving import Serving, fakes, serving
from vendors import loopback
from vendors.loopback import said

SPOKEN = wav_bytes(clips.say("how long do refunds take"))
KEY = "sk-secret-of-the-test"
Server = Callable[[], AbstractAsyncContextManager[Any]]


def groq(request: Any) -> Any:
    """An OpenAI-compatible stream."""
    if request.path.endswith("/models"):
        return said({"data": [{"id": "m"}]})
    chunk = '{"choices":[{"index":0,"delta":{"content":"Hello from Groq."},"finish_reason":"stop"}]}'
    return vendors.gemini.Reply([f"data: {chunk}\n\ndata: [DONE]\n\n".encode()])


def heard(server: Serving) -> str:
    answer = httpx.post(f"{server.url}/stt", files={"file": ("a.wav", SPOKEN)}, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["text"])


def answered(server: Serving) -> str:
    answer = httpx.post(f"{server.url}/chat", json={"text": "What is 2 plus 2?"}, timeout=60)
    assert "event: error" not in answer.text
    return answer.text


def spoken(server: Serving) -> str:
    answer = httpx.post(f"{server.url}/tts", json={"text": "Good morning to all of you."}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert read_audio(answer.content).seconds > 0.05
    return ""


http = partial(partial, loopback.serving)


@pytest.mark.parametrize(
    ("port", "use", "keys", "names"),
    [
        (
            "stt",
            heard,
            {"deepgram": vendors.deepgram.listening, "google_stt": http(vendors.google_speech.usual)},
            ["deepgram:nova-3", "google:default", "pocketsphinx"],
        ),
        (
            "llm",
            answered,
            {"groq": http(groq), "gemini": http(vendors.gemini.usual)},
            ["groq:llama-3.3-70b-versatile", "gemini:gemini-2.5-flash", "extractive"],
        ),
        (
            "tts",
            spoken,
            {"cartesia": http(vendors.cartesia.usual), "deepgram": http(vendors.deepgram.speak)},
            ["cartesia:sonic-3", "deepgram:aura-2-thalia-en", "espeak-ng"],
        ),
    ],
    ids=["stt", "llm", "tts"],
)
def test_each_takes_over_from_the_one_before(
    port: str,
    use: Callable[[Serving], str],
    keys: dict[str, Server],
    names: list[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        open: dict[str, ExitStack] = {name: stack.enter_context(ExitStack()) for name in keys}
        urls = {
            name: open[name].enter_context(portal.wrap_async_context_manager(vendor())).url
            for name, vendor in keys.items()
        }
        settings = fakes(
            tmp_path,
            **{port: {"kind": "auto"}},
            providers=urls,
            fallback={"failures": 1, "cooldown": 600, "retries": 0},
        ).model_copy(update={f"{name.partition('_')[0]}_api_key": SecretStr(KEY) for name in keys})
        server = stack.enter_context(serving(settings))
        links = server.state.supply.chains[port].links
        assert server.becomes(lambda: len(links) == 3, 20)
        assert [link.engine.name for link in links] == names

        results = []
        for working, vendor in enumerate([*keys, None]):
            results.append(use(server))
            resting = server.inside(lambda: [link.open for link in links])
            assert resting == [index < working for index in range(3)]
            assert [link.switches for link in links] == [int(index < working) for index in range(3)]
            if vendor:
                open[vendor].close()
        if port == "llm":
            assert "Hello from Groq." in results[0]
            assert "It is 4" in results[2] or "4" in results[2]
        status = httpx.get(f"{server.url}/readyz").json()
        assert len(status["resting"][port]) == 2
        shown = httpx.get(f"{server.url}/engines").text
        assert KEY not in shown + caplog.text
        assert "API_KEY is set" in shown
