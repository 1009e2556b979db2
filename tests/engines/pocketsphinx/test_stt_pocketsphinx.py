"""pocketsphinx hears what espeak-ng says: documents' questions, everyday phrases, and no noise."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing

import anyio
import numpy as np
import psutil
import pytest

import clips
from nexus_voice.core.audio import RATE, Pcm, Transcript, silence
from nexus_voice.core.errors import BadInput, Busy, EngineError
from nexus_voice.engines.pocketsphinx.stt import PocketsphinxStt

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

DOCUMENTS = [
    "Add a language model",
    "Interrupting the assistant",
    "Speak while the assistant is talking to interrupt it: this is called barge-in.",
    "Which engines are used by default is shown by the doctor command.",
]


@pytest.fixture(scope="module")
async def stt() -> AsyncIterator[PocketsphinxStt]:
    async with PocketsphinxStt(workers=1) as stt:
        await stt.bias(DOCUMENTS)
        yield stt


def said(text: str) -> bytes:
    """Always the same sound: espeak-ng's hiss is random unless it is seeded, and the recogniser weak."""
    return bytes(6_400) + clips.say(text).data


async def audio(pcm: bytes, step: int = 640) -> AsyncIterator[Pcm]:
    for start in range(0, len(pcm), step):
        yield Pcm(pcm[start : start + step], RATE)


async def heard(stt: PocketsphinxStt, pcm: bytes, step: int = 640) -> list[Transcript]:
    async with aclosing(stt.transcribe(audio(pcm, step))) as transcripts:
        return [transcript async for transcript in transcripts]


def score(text: str, wanted: str) -> float:
    """Share of the wanted words that were heard, in order."""
    found = 0
    words = iter(text.split())
    for word in wanted.split():
        remembered = list(words)
        if word in remembered:
            found += 1
            remembered = remembered[remembered.index(word) + 1 :]
        words = iter(remembered)
    return found / len(wanted.split())


@pytest.mark.parametrize(
    "question",
    ["how do i interrupt the assistant", "how do i add a language model", "what can you do", "yes please"],
)
async def test_known_subjects_are_understood(stt: PocketsphinxStt, question: str) -> None:
    *partials, final = await heard(stt, said(question))
    assert final.final
    assert not any(partial.final for partial in partials)
    assert score(final.text, question) >= 0.75


async def test_words_arrive_while_they_are_spoken(stt: PocketsphinxStt) -> None:
    pcm = said("how do i interrupt the assistant")
    send, receive = anyio.create_memory_object_stream[Pcm](1_000)
    with send, receive:
        async for piece in audio(pcm):
            send.send_nowait(piece)
        async with aclosing(stt.transcribe(receive)) as transcripts:
            with anyio.fail_after(20):
                while (partial := await anext(transcripts)).text != "how do i":
                    assert not partial.final
            send.close()
            assert [transcript.final async for transcript in transcripts][-1]


@pytest.mark.parametrize("step", [2, 320, 10_000_000])
async def test_the_size_of_the_chunks_does_not_matter(stt: PocketsphinxStt, step: int) -> None:
    pcm = said("yes please")[:20_000]
    assert (await heard(stt, pcm, step))[-1] == (await heard(stt, pcm))[-1]


def noise(seconds: float, level: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, level, round(seconds * RATE))


def tone(*hertz: float) -> np.ndarray:
    return sum(3_000 * np.sin(2 * np.pi * f * np.arange(2 * RATE) / RATE) for f in hertz)


def cough() -> np.ndarray:
    burst = noise(0.3, 6_000) * np.exp(-np.arange(0.3 * RATE) / (0.09 * RATE))
    return np.concatenate([noise(0.4, 20), burst, burst, noise(0.6, 20)])


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0),
        np.zeros(100),
        np.zeros(RATE),
        noise(2, 20),
        noise(2, 3_000),
        noise(0.05, 1_000),
        tone(50, 150),
        tone(440),
        cough(),
    ],
    ids=["nothing", "blink", "silence", "hush", "hiss", "click", "hum", "tone", "cough"],
)
async def test_what_is_not_speech_gives_no_words(stt: PocketsphinxStt, sound: np.ndarray) -> None:
    assert (await heard(stt, sound.astype("<i2").tobytes()))[-1] == Transcript("", final=True)


async def test_another_rate_is_refused(stt: PocketsphinxStt) -> None:
    async def slow() -> AsyncIterator[Pcm]:
        yield silence(1, 8_000)

    async with aclosing(stt.transcribe(slow())) as transcripts:
        with pytest.raises(BadInput, match="16000 Hz"):
            await anext(transcripts)


async def test_leaving_mid_utterance_leaves_it_usable(stt: PocketsphinxStt) -> None:
    question = "how do i interrupt the assistant"
    pcm = said(question)
    async with aclosing(stt.transcribe(audio(pcm * 20))) as transcripts:
        await anext(transcripts)
    with anyio.move_on_after(0.1):
        await heard(stt, pcm * 20)
    assert score((await heard(stt, pcm))[-1].text, question) >= 0.75


async def test_new_documents_bring_new_words(stt: PocketsphinxStt) -> None:
    pcm = said("how do i use ollama")
    before = (await heard(stt, pcm))[-1].text
    await stt.bias([*DOCUMENTS, "To use Ollama, set the base URL of the server."])
    after = (await heard(stt, pcm))[-1].text
    await stt.bias(DOCUMENTS)
    assert "ollama" not in before  # not in the dictionary either
    assert after == "how do i use ollama"


async def test_waiting_utterances_are_kept_and_too_many_are_refused() -> None:
    question = "what can you do"
    pcm = said(question)
    finals: list[str] = []
    async with PocketsphinxStt(workers=1, queue=1) as stt, anyio.create_task_group() as tasks:
        await stt.ready()
        send, receive = anyio.create_memory_object_stream[Pcm]()

        async def listen(source: AsyncIterator[Pcm]) -> None:
            async with aclosing(stt.transcribe(source)) as transcripts:
                finals.extend([t.text async for t in transcripts if t.final])

        tasks.start_soon(listen, receive)
        async for piece in audio(pcm):
            await send.send(piece)
        tasks.start_soon(listen, audio(pcm))
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(Busy):
            await heard(stt, pcm)
        send.close()
    receive.close()
    assert len(finals) == 2
    assert all(score(text, question) >= 0.75 for text in finals)


async def test_a_killed_process_fails_its_utterance_only_and_comes_back_biased() -> None:
    before = {child.pid for child in psutil.Process().children()}
    async with PocketsphinxStt(workers=1) as stt:
        await stt.bias(DOCUMENTS)
        (pid,) = {child.pid for child in psutil.Process().children()} - before
        pcm = said("how do i interrupt the assistant")
        async with aclosing(stt.transcribe(audio(pcm * 20))) as transcripts:
            await anext(transcripts)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(EngineError) as error:
                await exhaust(transcripts)
        assert error.value.retryable
        assert "interrupt the assistant" in (await heard(stt, pcm))[-1].text
    assert {child.pid for child in psutil.Process().children()} == before


async def exhaust(transcripts: AsyncIterator[Transcript]) -> None:
    async for _ in transcripts:
        pass
