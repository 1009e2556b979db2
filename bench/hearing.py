"""How well and how soon Whisper hears: word errors, waiting times, CPU and memory, over a folder of clips.

Each clip is played at a microphone's pace into the product's own `WhisperStt`, twice: with half a second of
silence after it, which an open microphone hears before the utterance ends, and cut off at its last voiced
sample, as the talk button does.
"""

from __future__ import annotations

import csv
import os
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import jiwer
import numpy as np
import soundfile
import soxr
from faster_whisper.vad import get_speech_timestamps
from num2words import num2words

from nexus_voice.core.audio import RATE, Pcm
from nexus_voice.engines.whisper.stt import WhisperStt
from nexus_voice.text.spoken.speakable import speakable

from . import figures, machine
from .report import row

BLOCK_S = 0.1
"""What the conversation hands over at a time."""
SILENCE_S = 0.5
"""The usual silence that ends an utterance."""
HISS_AMPLITUDE = 1e-3
"""Of the faint noise after a clip; full scale is 1."""
SPACELESS = ("ja", "th", "zh")
"""Languages whose errors are counted by characters."""
NUMBER = re.compile(r"\d+")
YEAR = re.compile(r"1[1-9]\d\d|20\d\d")
FILLERS = {r"\b(?:uh|um|uhm|erm|hm+)\b": " "}
CLEAN: list[jiwer.AbstractTransform] = [
    jiwer.ToLowerCase(),
    jiwer.ExpandCommonEnglishContractions(),
    jiwer.RemovePunctuation(),
    jiwer.SubstituteRegexes(FILLERS),
    jiwer.RemoveMultipleSpaces(),
    jiwer.Strip(),
]
WORDS = jiwer.Compose([*CLEAN, jiwer.ReduceToListOfListOfWords()])
CHARACTERS = jiwer.Compose([*CLEAN, jiwer.RemoveWhiteSpace(), jiwer.ReduceToListOfListOfChars()])


@dataclass(frozen=True, slots=True)
class Clip:
    name: str
    language: str
    source: str
    text: str
    samples: Any
    """Float samples at 16 kHz, up to half a second after the last voiced one."""
    first: float
    last: float
    """Seconds at which its voice begins and ends."""


@dataclass(slots=True)
class Heard:
    """What came of one clip; times are in seconds."""

    clip: Clip
    text: str = ""
    waited: float = 0.0
    """From the end of the audio to the final."""
    partials: list[float] = field(default_factory=list)
    """After the first voiced sample."""


def read(folder: Path) -> list[Clip]:
    """The clips of `clips.tsv`: id, language, source, kind, seconds, text; the sound is `id`.flac or .wav."""
    table = folder / "clips.tsv"
    if not table.is_file():
        raise SystemExit(f"bench hearing: there is no {table}")
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [clip(folder, row) for row in rows]


def clip(folder: Path, row: dict[str, str]) -> Clip:
    file = next((one for end in ("flac", "wav") if (one := folder / f"{row['id']}.{end}").is_file()), None)
    if file is None:
        raise SystemExit(f"bench hearing: there is no sound of {row['id']} in {folder}")
    sound, rate = soundfile.read(file, dtype="float32", always_2d=True)
    samples = soxr.resample(sound.mean(axis=1), rate, RATE)
    spans = get_speech_timestamps(samples, speech_pad_ms=0) or [{"start": 0, "end": len(samples)}]
    first, last = spans[0]["start"], min(spans[-1]["end"], len(samples))
    end = last + round(SILENCE_S * RATE)
    hiss = np.random.default_rng(0).normal(0, HISS_AMPLITUDE, max(0, end - len(samples)))
    samples = np.append(samples, hiss.astype(np.float32))[:end]
    return Clip(row["id"], row["language"], row["source"], row["text"], samples, first / RATE, last / RATE)


async def hear(stt: WhisperStt, clip: Clip, until: float) -> Heard:
    """Play the clip up to `until` seconds and listen."""
    heard, begun = Heard(clip), time.monotonic()
    data = np.clip(np.rint(clip.samples[: round(until * RATE)] * 32767), -32768, 32767)
    step, ended = round(BLOCK_S * RATE), begun

    async def microphone() -> AsyncIterator[Pcm]:
        nonlocal ended
        for at in range(0, len(data), step):
            block = data[at : at + step].astype("<i2").tobytes()
            await anyio.sleep(max(0.0, begun + (at + len(block) // 2) / RATE - time.monotonic()))
            yield Pcm(block, RATE)
        ended = begun + len(data) / RATE

    async with aclosing(stt.transcribe(microphone())) as transcripts:
        async for transcript in transcripts:
            if transcript.final:
                heard.text, heard.waited = transcript.text, time.monotonic() - ended
            else:
                heard.partials.append(time.monotonic() - begun - clip.first)
    return heard


async def speak(stt: WhisperStt, rest: Iterator[Clip], silence: float, found: list[Heard]) -> None:
    """One speaker: play one clip after the other of those that are left."""
    found.extend([await hear(stt, one, one.last + silence) for one in rest])


async def measured(folder: Path, clips: list[Clip], speakers: int, threads: int) -> dict[str, Any]:
    async with WhisperStt(folder, threads=threads) as stt:
        await stt.ready()
        found: dict[str, list[Heard]] = {}
        family = machine.family(os.getpid())
        for way in ("silence", "button"):
            found[way] = []
            rest, cpu = iter(clips), machine.cpu_seconds(family)

            async with anyio.create_task_group() as tasks:
                for _ in range(speakers):
                    tasks.start_soon(speak, stt, rest, SILENCE_S if way == "silence" else 0.0, found[way])
            if way == "silence":
                used = machine.cpu_seconds(family) - cpu
        memory = machine.resident_bytes(machine.family(os.getpid())[1:])
    minutes = sum(one.last for one in clips) / 60
    open_microphone, button = found["silence"], found["button"]
    gaps = [later - sooner for one in open_microphone for sooner, later in pairs(one)]
    return {
        "clips": len(clips),
        "wer": errors(open_microphone),
        "wer_button": errors(button),
        "final_after_silence_ms": spread([one.waited for one in open_microphone]),
        "final_after_voice_ms": spread([SILENCE_S + one.waited for one in open_microphone]),
        "final_after_button_ms": spread([one.waited for one in button]),
        "first_partial_ms": spread([one.partials[0] for one in open_microphone if one.partials]),
        "between_partials_ms": spread(gaps),
        "cpu_s_per_minute": round(used / minutes, 1),
        "memory_mb": round(memory / 1e6),
    }


def pairs(heard: Heard) -> Iterator[tuple[float, float]]:
    """Successive partials while the clip still speaks."""
    voiced = heard.clip.last - heard.clip.first
    spoken = [one for one in heard.partials if one <= voiced]
    return pairwise(spoken)


def spread(seconds: list[float]) -> dict[str, float]:
    shares = {f"p{round(100 * share)}": figures.percentile(seconds, share) for share in (0.5, 0.9, 0.95)}
    return {name: round(1e3 * value) if seconds else value for name, value in shares.items()}


def errors(heard: list[Heard]) -> dict[str, float]:
    """Percent of words wrong (characters in `SPACELESS` languages), by language and English by source."""
    groups: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        groups[one.clip.language].append(one)
        if one.clip.language == "en":
            groups[f"en {one.clip.source}"].append(one)
    return {name: round(100 * error_rate(groups[name]), 2) for name in sorted(groups)}


def error_rate(heard: list[Heard]) -> float:
    language = heard[0].clip.language
    transform = CHARACTERS if language in SPACELESS else WORDS
    return float(
        jiwer.wer(
            [spelt(one.clip.text, language) for one in heard],
            [spelt(one.text, language) for one in heard],
            reference_transform=transform,
            hypothesis_transform=transform,
        )
    )


def spelt(text: str, language: str) -> str:
    """`text` with its numbers as words, because a recogniser may write "10" or "ten"."""
    if language in SPACELESS:
        return text
    text = speakable(text) if language == "en" else text

    def words(number: re.Match[str]) -> str:
        form = "year" if language == "en" and YEAR.fullmatch(number[0]) else "cardinal"
        return f" {num2words(number[0], lang=language, to=form)} "

    return NUMBER.sub(words, text)


def hearing(folder: Path, whisper: Path, speakers: int, threads: int, reps: int) -> None:
    english = whisper.name.endswith(".en")
    clips = [one for one in read(folder) if one.language == "en" or not english]
    runs = [anyio.run(measured, whisper, clips, speakers, threads) for _ in range(reps)]
    result = figures.median_of(runs)
    for name, value in result.items():
        each = value.items() if isinstance(value, dict) else [("", value)]
        print(row(name, ", ".join(f"{key} {number:g}".strip() for key, number in each)))
    figures.save(f"hearing-{whisper.name}-{speakers:03}", runs, model=whisper.name, speakers=speakers)
