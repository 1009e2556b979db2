"""espeak-ng in its process: sound, word times, voices, hostile text, leaving mid-sentence."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing

import anyio
import numpy as np
import psutil
import pytest

from nexus_voice.core.audio import Mark, Pcm, Voice
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.espeak.tts import RATE, EspeakTts
from nexus_voice.engines.voice_orders import MAX_TEXT

PLAIN = Voice()
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def tts() -> AsyncIterator[EspeakTts]:
    async with EspeakTts() as tts:
        yield tts


async def spoken(tts: EspeakTts, text: str, voice: Voice = PLAIN) -> tuple[list[Pcm], list[Mark]]:
    async with aclosing(tts.speak(text, voice)) as pieces:
        heard = [piece async for piece in pieces]
    return [p for p in heard if isinstance(p, Pcm)], [m for m in heard if isinstance(m, Mark)]


def seconds(audio: list[Pcm]) -> float:
    return sum(pcm.seconds for pcm in audio)


async def test_a_sentence_arrives_in_small_pieces_with_word_times(tts: EspeakTts) -> None:
    text = "Refunds, as a rule, take thirty-five days. Ça va?"
    async with aclosing(tts.speak(text, Voice())) as pieces:
        told, said = 0.0, 0
        async for piece in pieces:
            if isinstance(piece, Pcm):
                assert piece.rate == RATE
                assert 0 < piece.seconds <= 0.0601
                told += piece.seconds
            else:
                assert piece.chars > said
                assert text[piece.chars :][:1] in ("", " ")  # a mark never cuts a word
                assert told <= piece.at + 1e-6  # marks come before the audio they are in
                said = piece.chars
    assert said == len(text)
    assert piece == Mark(pytest.approx(told), len(text))
    assert 2 < told < 6


async def test_it_is_audible_and_does_not_clip(tts: EspeakTts) -> None:
    audio, _ = await spoken(tts, "Good morning.")
    samples = np.frombuffer(b"".join(pcm.data for pcm in audio), np.int16).astype(float)
    assert 1_000 < np.sqrt(np.mean(samples**2)) < 10_000
    assert np.abs(samples).max() < 32_000


async def test_a_language_chooses_a_voice_unless_one_is_named(tts: EspeakTts) -> None:
    async def sound(voice: Voice) -> bytes:
        return b"".join(pcm.data for pcm in (await spoken(tts, "Radio Bravo", voice))[0])

    for language, name in (("de", "de"), ("fr", "fr-be"), ("zh", "cmn"), ("en", ""), ("xx", ""), ("", "")):
        hinted, named = await sound(Voice(language=language)), await sound(Voice(name))
        assert abs(len(hinted) - len(named)) < 0.05 * len(named), language  # lengths vary by a little
    assert len(await sound(Voice(language="de"))) != len(await sound(Voice()))
    both = await sound(Voice("en-gb", language="de"))
    assert abs(len(both) - len(await sound(Voice("en-gb")))) < 0.05 * len(both)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
async def test_nothing_to_say_is_silence(tts: EspeakTts, text: str) -> None:
    assert await spoken(tts, text) == ([], [])


async def test_rate_is_a_factor(tts: EspeakTts) -> None:
    text = "The quick brown fox jumps over the lazy dog again and again."
    slow, normal, fast = [seconds((await spoken(tts, text, Voice(rate=r)))[0]) for r in (0.5, 1, 2)]
    assert slow > 1.5 * normal > 2.2 * fast


async def test_voices_differ_and_can_be_listed(tts: EspeakTts) -> None:
    voices = await tts.voices()
    assert {"en-us", "en-gb", "de", "fr-fr", "+f3"} <= set(voices)
    plain, variant, german = [
        b"".join(pcm.data for pcm in (await spoken(tts, "Good day.", Voice(name)))[0])
        for name in ("", "en-us+f3", "de")
    ]
    assert len({plain, variant, german, b""}) == 4


@pytest.mark.parametrize("name", ["tlh-nowhere", "en-us+nobody", "../../etc/passwd", "en-us+../en", "+f3"])
async def test_an_unknown_voice_is_refused(tts: EspeakTts, name: str) -> None:
    with pytest.raises(BadInput, match="no voice") as error:
        await spoken(tts, "Hello.", Voice(name))
    assert error.value.code == "unknown_voice"
    assert (await spoken(tts, "Hello."))[0]


async def test_text_is_only_text(tts: EspeakTts) -> None:
    """Phoneme notation, SSML and embedded commands are read out, not obeyed."""
    said = {
        text: seconds((await spoken(tts, text))[0])
        for text in (
            "hello",
            "[[h@l'oU]]",
            '<break time="20s"/>hello',
            "one two three four",
            "\x0180S one two three four",
        )
    }
    assert said["[[h@l'oU]]"] > 1.5 * said["hello"]
    assert 1.5 * said["hello"] < said['<break time="20s"/>hello'] < 10
    assert said["\x0180S one two three four"] > said["one two three four"] + 0.3  # "eighty S"
    assert await spoken(tts, "a\x00b \ud800 \U0001f600 c")


async def test_text_has_a_limit(tts: EspeakTts) -> None:
    with pytest.raises(BadInput, match="at most"):
        await spoken(tts, "a" * (MAX_TEXT + 1))
    audio, marks = await spoken(tts, ("word " * (MAX_TEXT // 5)).strip())
    assert seconds(audio) > 60
    assert marks[-1].chars == MAX_TEXT - 1


async def test_it_says_whether_its_process_is_free(tts: EspeakTts) -> None:
    await tts.ready()
    assert tts.free_places == 1
    async with aclosing(tts.speak("One moment, please. " * 100, PLAIN)) as pieces:
        await anext(pieces)
        assert tts.free_places == 0
    with anyio.fail_after(10):
        while tts.free_places < 1:  # noqa: ASYNC110 - the process has yet to stop
            await anyio.sleep(0.01)


async def test_sentences_share_a_process_and_a_slow_listener_holds_nobody_up(tts: EspeakTts) -> None:
    long = "This sentence goes on and on. " * 20
    async with aclosing(tts.speak(long, Voice())) as slow:
        await anext(slow)
        with anyio.fail_after(10):
            for _ in range(3):
                assert (await spoken(tts, "Quick."))[0]
        assert [piece async for piece in slow][-1].chars == len(long)


async def test_leaving_mid_sentence_leaves_it_usable(tts: EspeakTts) -> None:
    for _ in range(5):
        async with aclosing(tts.speak("one two three four. " * 90, Voice())) as pieces:
            await anext(pieces)
    audio, marks = await spoken(tts, "Still here.")
    assert 0.5 < seconds(audio) < 2
    assert marks[-1].chars == 11


async def test_a_killed_process_fails_its_sentence_only() -> None:
    before = set(psutil.Process().children())
    async with EspeakTts() as tts:
        await tts.ready()
        (child,) = set(psutil.Process().children()) - before
        os.kill(child.pid, signal.SIGSTOP)  # it cannot finish before it is killed
        async with aclosing(tts.speak("Hello there.", Voice())) as pieces, anyio.create_task_group() as tasks:

            async def kill() -> None:
                os.kill(child.pid, signal.SIGKILL)

            tasks.start_soon(kill)
            with pytest.raises(EngineError) as error:
                await anext(pieces)
        assert error.value.retryable
        assert (await spoken(tts, "Hello there."))[0]
    assert set(psutil.Process().children()) == before
