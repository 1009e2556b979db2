"""faster-whisper through its real loader, on models of 2 MB that hear one sentence in all speech."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest

import clips
from engines import contract
from models_tiny.whisper import tiny_whisper
from nexus_voice.core.audio import RATE, Pcm, Transcript, silence
from nexus_voice.core.errors import BadInput, Busy, EngineError
from nexus_voice.engines.whisper import stt as stt_whisper
from nexus_voice.engines.whisper.stt import WhisperStt

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SENTENCE = "what is the refund policy"
SPEECH = clips.say("How do I start the pump today?")
QUESTION = clips.join(silence(0.3), SPEECH, silence(0.6))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper(tmp_path_factory.mktemp("models") / "faster-whisper-tiny.en", SENTENCE)


@pytest.fixture(scope="module")
async def stt(model: Path) -> AsyncIterator[WhisperStt]:
    async with WhisperStt(model) as stt:
        await stt.ready()
        yield stt


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every piece counts as the newest, as from a microphone."""
    monkeypatch.setattr(stt_whisper, "LIVE_WAIT_RATIO", -1.0)


@pytest.fixture
def decodes(stt: WhisperStt, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, bool]]:
    """(seconds of audio, whether as a final) of each decode."""
    made: list[tuple[float, bool]] = []
    decode = stt._decode

    def counted(audio: bytes, language: str, expected: str, before: str, final: bool) -> Any:
        made.append((len(audio) / 2 / RATE, final))
        return decode(audio, language, expected, before, final)

    monkeypatch.setattr(stt, "_decode", counted)
    return made


async def pieces(pcm: Pcm) -> AsyncIterator[Pcm]:
    for at in range(0, len(pcm.data), RATE // 5):
        yield Pcm(pcm.data[at : at + RATE // 5], RATE)


async def heard(stt: WhisperStt, pcm: Pcm) -> list[Transcript]:
    return await contract.gather(stt.transcribe(pieces(pcm)))


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(contract.LIMIT):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await anyio.sleep(0.002)


async def test_live_speech_gives_partials_and_its_last_look_is_the_final(
    stt: WhisperStt, live: None, decodes: list[tuple[float, bool]]
) -> None:
    *partials, final = await heard(stt, QUESTION)
    assert {partial.text for partial in partials} == {SENTENCE}
    covered = [partial.until or 0.0 for partial in partials]
    assert covered == sorted(covered)
    assert covered[-1] == pytest.approx(QUESTION.seconds, abs=0.03), "the silence holds no more words"
    assert (final.text, final.final, final.language) == (SENTENCE, True, "en")
    assert len(decodes) > 2
    seconds, whole = decodes[-1]
    assert (whole, seconds < SPEECH.seconds + 0.5) == (False, True), "nothing is decoded in the silence"


async def test_speech_up_to_the_end_is_decoded_once_more_and_whole(
    stt: WhisperStt, live: None, decodes: list[tuple[float, bool]]
) -> None:
    assert (await heard(stt, SPEECH))[-1].text == SENTENCE
    assert decodes[-1] == (SPEECH.seconds, True)


async def test_a_file_is_decoded_once(stt: WhisperStt, decodes: list[tuple[float, bool]]) -> None:
    (final,) = await heard(stt, QUESTION)
    assert final.text == SENTENCE
    assert [word.text for word in final.words] == SENTENCE.split()
    times = [time for word in final.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= QUESTION.seconds
    assert decodes == [(QUESTION.seconds, True)]


async def test_a_long_file_is_decoded_in_bounded_windows(
    stt: WhisperStt, decodes: list[tuple[float, bool]]
) -> None:
    long = clips.join(*[QUESTION] * 24)
    (final,) = await heard(stt, long)
    assert len(decodes) >= 3
    assert all(seconds <= 26 for seconds, _ in decodes)
    assert sum(seconds for seconds, _ in decodes) == pytest.approx(long.seconds)
    assert final.text == " ".join([SENTENCE] * len(decodes))
    starts = [word.start for word in final.words]
    assert starts == sorted(starts)
    assert starts[-1] > 26


@pytest.mark.parametrize(
    "sound",
    [silence(2), clips.noise(2, -30), clips.tone(2, [440]), clips.cough(), clips.clicks(2)],
    ids=["silence", "hiss", "tone", "cough", "clicks"],
)
async def test_what_is_not_speech_gives_an_empty_final(stt: WhisperStt, live: None, sound: Pcm) -> None:
    assert await heard(stt, sound) == [Transcript("", True)]


async def test_speakers_share_a_process(stt: WhisperStt, live: None) -> None:
    send, receive = anyio.create_memory_object_stream[Pcm](99)
    async for piece in pieces(SPEECH):
        send.send_nowait(piece)
    async with aclosing(stt.transcribe(receive)) as transcripts:
        assert (await anext(transcripts)).text == SENTENCE
        assert (await heard(stt, QUESTION))[-1].text == SENTENCE
        send.close()
        *_, final = [transcript async for transcript in transcripts]
        assert (final.text, final.final) == (SENTENCE, True)
    receive.close()


async def test_cancelled_in_a_decode_the_process_is_free_and_lives_on(stt: WhisperStt) -> None:
    before = stt._workers.pids
    long = clips.join(*[QUESTION] * 8)
    for _ in range(3):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heard, stt, long)
            await until(lambda: stt._decoding == 1)
            tasks.cancel_scope.cancel()
        assert stt._decoding == 0
    assert (await heard(stt, QUESTION))[-1].text == SENTENCE
    assert stt._workers.pids == before


async def test_a_process_killed_between_looks_costs_no_word(stt: WhisperStt, live: None) -> None:
    async with aclosing(stt.transcribe(pieces(clips.join(SPEECH, SPEECH)))) as transcripts:
        await anext(transcripts)
        (pid,) = stt._workers.pids
        os.kill(pid, signal.SIGKILL)
        *_, final = [transcript async for transcript in transcripts]
    assert final.text == SENTENCE
    await stt.ready()
    assert stt._workers.pids != [pid]


async def test_another_rate_is_refused(stt: WhisperStt) -> None:
    async def slow() -> AsyncIterator[Pcm]:
        yield silence(1, 8_000)

    with pytest.raises(BadInput, match="16000 Hz"):
        await contract.gather(stt.transcribe(slow()))


async def test_too_many_decodes_are_refused(model: Path) -> None:
    refused = 0

    async def ask(stt: WhisperStt) -> None:
        nonlocal refused
        try:
            await heard(stt, QUESTION)
        except Busy:
            refused += 1

    async with WhisperStt(model, queue=1) as stt, anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask, stt)
    assert refused == 3  # one waits while the process starts


async def test_early_words_are_measured(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with WhisperStt(model, language="en") as stt:
        assert stt.name == "faster-whisper:tiny.en"
        assert not stt.early_words
        monkeypatch.setattr(stt_whisper, "MAX_EARLY_WORDS_S", 1e9)
        await stt.ready()
        assert stt.early_words
        monkeypatch.setattr(stt_whisper, "MAX_EARLY_WORDS_S", 0.0)
        await stt.ready()
        assert not stt.early_words


async def test_a_broken_model_says_so_at_once_and_in_every_call(model: Path, tmp_path: Path) -> None:
    async with WhisperStt(tmp_path / "gone") as stt:
        with pytest.raises(EngineError, match="models pull") as raised:
            await stt.ready()
        assert (raised.value.code, raised.value.retryable) == ("model_broken", False)
        with pytest.raises(EngineError) as raised:
            await heard(stt, QUESTION)
        assert raised.value.code == "model_broken"


async def test_a_missing_package_says_what_to_install(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ctranslate2.py").write_text("raise ModuleNotFoundError('gone', name='ctranslate2')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with WhisperStt(model) as stt:
        with pytest.raises(EngineError, match=r"'ctranslate2'.*pip install nexus-voice") as raised:
            await stt.ready()
    assert raised.value.code == "engine_not_installed"
