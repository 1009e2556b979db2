"""The product as the set-up leaves it: Whisper, Piper, a real server, sound in and sound out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import SequenceMatcher
from pathlib import Path

import anyio
import httpx
import psutil
import pytest

from nexus_voice.audio.files import read_audio, wav_bytes
from nexus_voice.cli.doctor.engines import SENTENCE, EngineChecks
from nexus_voice.core.audio import Pcm
from nexus_voice.models.catalogue import STARTER
from nexus_voice.settings import Settings
from server.caller import Caller
from serving import Serving, fakes, serving
from weights import put_weights

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, documented: Path) -> Iterator[Serving]:
    data = shutil.copytree(documented, tmp_path_factory.mktemp("server") / "data")
    put_weights(data, *STARTER)
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        data_dir=data,
        # However busy this machine is.
        stt={"model": "whisper-base"},  # type: ignore[arg-type]
        fallback={"stt": 60.0},  # type: ignore[arg-type]
        limits={"loop_lag": 60.0},  # type: ignore[arg-type]
        discovery={"local_servers": []},  # type: ignore[arg-type]
    )
    with serving(settings) as running:
        yield running


def spoken(server: Serving, text: str) -> Pcm:
    """`text`, said by the server's own voice."""
    answer = httpx.post(f"{server.url}/tts", json={"text": text}, timeout=30)
    assert answer.status_code == 200, answer.text
    return read_audio(answer.content)


def understood(server: Serving, audio: Pcm) -> str:
    answer = httpx.post(f"{server.url}/stt", files={"file": ("a.wav", wav_bytes(audio))}, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["text"])


def alike(one: str, other: str) -> float:
    """Share of words that two texts have in common, in order; 0..1."""
    words = [re.findall(r"[a-z0-9]+", text.lower()) for text in (one, other)]
    return SequenceMatcher(None, *words, autojunk=False).ratio()


@contextmanager
def calling(server: Serving, rate: int) -> Iterator[Caller]:
    with Caller(server.socket) as caller:
        caller.hello(rate=rate)
        yield caller


def ask_aloud(caller: Caller, question: Pcm) -> None:
    """The question and a second of near silence, in frames of 20 ms, as fast as the line takes them."""
    frame = 2 * question.rate // 50
    data = question.data + b"\1\0\0\0" * (question.rate // 2)
    for at in range(0, len(data), frame):
        caller.socket.send(data[at : at + frame])


def test_a_spoken_question_about_the_documentation_is_answered_aloud(server: Serving) -> None:
    """WAV -> transcript -> cited answer -> WAV, and the answer's WAV transcribed back."""
    question = spoken(server, "How do I interrupt the assistant?")
    with calling(server, question.rate) as caller:
        ask_aloud(caller, question)
        final = caller.until("final")
        assert alike(final["text"], "how do i interrupt the assistant") >= 0.8, final
        sources = caller.until("sources")["sources"]
        assert "interrupt the assistant" in " ".join(sources[0]["path"]).lower()
        rate = caller.until("audio_start")["rate"]
        metrics = caller.until("metrics")["clocks"]
        ended = caller.until("ended")
    assert ended["outcome"] == "done"
    assert "just start talking" in ended["heard"]
    assert list(metrics) == [
        "stt", "recall", "llm_first_token", "tts_first_audio", "first_audio_sent",
    ]  # fmt: skip
    answer = Pcm(caller.audio, rate)
    assert alike(understood(server, answer), ended["heard"]) >= 0.7


def test_arithmetic_by_voice(server: Serving) -> None:
    question = spoken(server, "What is two plus two?")
    with calling(server, question.rate) as caller:
        ask_aloud(caller, question)
        heard = caller.until("final")["text"]
        assert alike(heard, "what is 2 plus 2") >= 0.8, heard
        assert "is 4" in caller.until("ended")["heard"]


def test_what_is_not_in_the_documents_is_not_guessed(server: Serving) -> None:
    with Caller(server.socket) as caller:
        caller.hello(speak=False)
        assert "did not find" in caller.turn("Who won the chess championship of 1921?")["heard"]


def test_the_voice_and_the_ear_agree_on_a_sentence(server: Serving) -> None:
    sentence = "You can add documents to the knowledge base"
    assert alike(understood(server, spoken(server, sentence)), sentence) >= 0.9


def test_the_chosen_engines_are_the_pulled_ones(server: Serving) -> None:
    assert server.inside(lambda: server.state.using) == {
        "vad": "silero",
        "stt": "faster-whisper:base",
        "llm": "extractive",
        "tts": "piper:en_US-joe-medium",
    }


def test_the_doctors_sentence_is_heard_right(tmp_path: Path) -> None:
    """It is said by the voice and heard by the recogniser that are used first."""
    settings = fakes(tmp_path, tts={"kind": "piper"}, stt={"kind": "whisper", "model": "whisper-base"})
    put_weights(settings.data_dir, "whisper-base", "en_US-joe-medium")

    async def examine() -> dict[str, str]:
        return {check.what: check.found async for check in EngineChecks(settings).run()}

    found = anyio.run(examine)
    heard = re.search("heard “(.*?)”, a decode takes [0-9.]+ s", found["Speech recogniser (whisper)"])
    assert heard, found
    assert alike(heard[1], SENTENCE) == 1.0


def test_a_recogniser_killed_while_it_listens_loses_nothing(server: Serving) -> None:
    """The utterance is kept until it is understood: another process hears it from its beginning."""
    question = spoken(server, "How do I interrupt the assistant?")
    with calling(server, question.rate) as caller:
        caller.say("settings", hands_free=False, speak=False)
        caller.say("talk_start")
        (worker,) = workers("whisper")
        worker.suspend()  # or it might have understood everything before it is killed
        ask_aloud(caller, question)
        caller.say("talk_end")
        worker.kill()
        assert alike(caller.until("final")["text"], "how do i interrupt the assistant") >= 0.8


def test_a_voice_killed_before_its_first_word_says_it_all_the_same(server: Serving) -> None:
    with Caller(server.socket) as caller:
        caller.hello()
        (worker,) = workers("piper")
        worker.suspend()  # or it would have said everything before it is killed
        caller.say("text", text="What is 2 plus 2?")
        caller.until("sentence")
        worker.kill()
        assert caller.until("ended", "error")["type"] == "ended"
        assert caller.audio
        assert caller.turn("Thank you!")["outcome"] == "done"


def workers(engine: str) -> list[psutil.Process]:
    """The worker processes of this engine; there is one at least."""
    children = psutil.Process().children(recursive=True)
    found = []
    for child in children:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if engine in " ".join(child.cmdline()):
                found.append(child)
    assert found, f"there is no worker of {engine}"
    return found
