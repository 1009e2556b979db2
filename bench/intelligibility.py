"""How soon a voice begins, what it costs, and how well it is understood: Whisper writes down what it says."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import jiwer
import psutil

from nexus_voice.audio.resample import Resampler
from nexus_voice.core.audio import RATE, Pcm, Voice, silence
from nexus_voice.engines.espeak.tts import EspeakTts
from nexus_voice.engines.piper.tts import PiperTts
from nexus_voice.engines.whisper.stt import WhisperStt
from nexus_voice.ports import Stt, Tts
from nexus_voice.talk.streams import closing
from nexus_voice.text.spoken.speakable import speakable

from . import figures
from .hearing import WORDS, spelt
from .speech import TEXT, first_sounds

TIMES = 15
LENGTHS = ("Yes, of course I do.", TEXT[:59] + ".", TEXT)
"""Sentences of 20, 60 and 120 characters."""
SENTENCES = (
    "The warranty covers every part of the pump for two years.",
    "You can return the product within 30 days of delivery.",
    "Press the red button twice, and wait for the green light.",
    "The meeting is on Tuesday at 7:05 in the large conference room.",
    "I could not find anything about that in your documents.",
    "World War II ended in 1945.",
    "Henry VIII had six wives.",
    "Ms. Carter will call you back tomorrow morning.",
    "The museum is open from 10 to 18 on weekdays.",
    "Please restart the server and try again.",
    "The battery lasts about eleven hours when the display is dimmed.",
    "A ticket costs $3.50, and children travel free.",
    "Add a language model in the settings to get longer answers.",
    "The capital of Australia is Canberra, not Sydney.",
    "Turn the valve slowly to the left until the pressure falls.",
    "It will be 20 °C and sunny this afternoon.",
    "Our office is closed on Saturdays, Sundays and public holidays.",
    "See chapter IV for the installation of the software.",
    "The report was written by Dr. Green and Prof. Miller.",
    "Never open the cover while the machine is running.",
    "The train to Boston leaves from platform 9 in 15 minutes.",
    "About 40% of the visitors came from other countries.",
    "You need a screwdriver, two batteries and a little patience.",
    "The support line is open 24/7, and every call is free.",
    "Mix half a cup of sugar with a spoon of butter.",
    "The new version is smaller, faster and easier to use.",
    "Her birthday is on July 4, 1976.",
    "Keep the medicine in a cool and dry place.",
    "He won the race by less than a second.",
    "Is there anything else that I can do for you?",
)


async def spoken(tts: Tts, text: str) -> list[Pcm]:
    async with closing(tts.speak(text, Voice())) as sounds:
        return [sound async for sound in sounds if isinstance(sound, Pcm)]


async def heard(stt: Stt, sounds: list[Pcm]) -> str:
    resampler = Resampler(sounds[0].rate, RATE)
    data = b"".join(resampler.push(sound.data) for sound in sounds) + resampler.finish()

    async def audio() -> AsyncIterator[Pcm]:
        yield Pcm(data, RATE)
        yield silence(0.5)

    async with closing(stt.transcribe(audio())) as transcripts:
        return [transcript.text async for transcript in transcripts if transcript.final][-1]


async def measured(tts: Any, stt: Stt) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        begun = time.perf_counter()
        await stack.enter_async_context(tts)
        await tts.ready()
        load_s = round(time.perf_counter() - begun, 2)
        found: dict[str, Any] = {"load_s": load_s, "loaded_mb": memory(tts)}
        for text in LENGTHS:
            found[f"first_sound_{len(text)}_ms"] = figures.spread(await first_sounds(tts, text, TIMES))
        begun = time.perf_counter()
        audio = [await spoken(tts, speakable(sentence)) for sentence in SENTENCES]
        taken = time.perf_counter() - begun
        seconds = sum(sound.seconds for sounds in audio for sound in sounds)
        found |= {"share_of_real_time": round(taken / seconds, 3), "memory_mb": memory(tts)}
        understood = [await heard(stt, sounds) for sounds in audio]
        for sentence, text in zip(SENTENCES, understood, strict=True):
            if words_wrong([sentence], [text]):
                print(f"  {speakable(sentence)!r} was heard as {text!r}")
        return found | {"words_wrong_percent": round(100 * words_wrong(SENTENCES, understood), 1)}


def words_wrong(said: Sequence[str], understood: Sequence[str]) -> float:
    """Share of the words that must be changed, left out or added; a figure is the same as its word."""
    said, understood = [spelt(text, "en") for text in said], [spelt(text, "en") for text in understood]
    return float(jiwer.wer(said, understood, reference_transform=WORDS, hypothesis_transform=WORDS))


def memory(tts: Any) -> int:
    """Megabytes of the voice's processes."""
    return round(sum(psutil.Process(pid).memory_info().rss for pid in tts._workers.pids) / 1e6)


async def all_voices(voice: Path, whisper: Path) -> dict[str, Any]:
    async with WhisperStt(whisper, language="en") as stt:
        await stt.ready()
        return {tts.name: await measured(tts, stt) for tts in (PiperTts(voice), EspeakTts())}


def intelligibility(reps: int, voice: Path, whisper: Path) -> None:
    runs = [anyio.run(all_voices, voice, whisper) for _ in range(reps)]
    for name, found in figures.median_of(runs).items():
        first = ", ".join(f"{found[f'first_sound_{len(text)}_ms']['p50']}" for text in LENGTHS)
        print(
            f"{name}: first sound of 20, 60, 120 characters {first} ms; {found['share_of_real_time']} of "
            f"real time; {found['memory_mb']} MB; {found['words_wrong_percent']} % of words wrong"
        )
    figures.save("intelligibility", runs, cores=os.cpu_count(), whisper=whisper.name)
