"""What is heard over a speaking assistant: interruptions, the noises of a listener, and the room.

Everything is made here, so that every machine hears the same kinds of sound: words by Piper and espeak-ng in
several voices, rates and levels, the rest by arithmetic. 16 kHz mono.
"""

from __future__ import annotations

import csv
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from tests.clips import (
    Samples,
    clicks,
    cough,
    hum,
    join,
    loudness,
    music,
    noise,
    pcm,
    samples,
    say,
    tone,
    trim,
)

from nexus_voice.audio.files import read_audio
from nexus_voice.core.audio import RATE, Pcm, Voice
from nexus_voice.engines.piper.tts import PiperTts

MAX_HUMAN_S = 4.0
"""Of a recording of a person, so much is said over the assistant."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    name: str
    sound: Pcm | None
    """Begins with its first voiced sample; None: the assistant's echo is all."""
    meant: bool
    """Whether the speaker wants the floor."""
    echo: float | None = None
    """Level in dB at which the microphone hears the assistant; None: not at all."""
    delay: float = 0.08
    """Seconds until it hears it."""


INTERRUPTIONS = (
    "stop", "wait", "no, the other one", "hold on", "that's not what I meant", "what about Sundays",
    "could you say that again", "never mind", "no", "okay, but how much does it cost",
)  # fmt: skip
BACKCHANNELS = ("[[m-h'm]]", "uh-huh", "ah", "yeah", "okay", "right", "I see", "yeah, yeah", "oh")
ESPEAK = ("en-us", "en-us+f3", "en-gb-scotland+m3", "en-us+f2")
PIPER = (Voice(), Voice(rate=1.2, pitch=1.25), Voice(rate=0.85, pitch=0.85))
ECHOES = tuple((level, delay) for level in (-9.0, -12.0, -18.0, -30.0) for delay in (0.05, 0.15, 0.25))


def laughter(seconds: float = 1.2, pitch: float = 210.0, level: float = -20.0, seed: int = 0) -> Pcm:
    """ "Ha ha ha": voiced bursts with the formants of an "ah", each after a breath, falling in pitch."""
    rng = np.random.default_rng(seed)
    x = np.zeros(round((seconds + 0.3) * RATE))
    at = 0.0
    while at < seconds:
        length = rng.uniform(0.09, 0.13)
        t = np.arange(round(length * RATE)) / RATE
        fall = pitch * (1 - 0.3 * at / seconds) * rng.uniform(0.95, 1.05)
        voice = formants(sum(np.sin(2 * np.pi * k * fall * t) / k for k in range(1, 30)))
        breath = formants(rng.standard_normal(round(0.06 * RATE))) * 0.15
        burst = np.append(breath, voice / np.abs(voice).max() * np.sin(np.pi * t / length) ** 0.5)
        begin = round(at * RATE)
        x[begin : begin + len(burst)] += burst[: len(x) - begin] * (1 - 0.5 * at / seconds)
        at += rng.uniform(0.19, 0.24)
    return pcm(loudness(trim(x), level))


def formants(x: Samples) -> Samples:
    """`x` through the resonances of an "ah"."""
    spectrum, f = np.fft.rfft(x), np.fft.rfftfreq(len(x), 1 / RATE)
    return np.fft.irfft(
        spectrum
        * sum(
            g / (1 + ((f - c) / w) ** 2) for c, w, g in ((750, 120, 1), (1250, 160, 0.6), (2600, 250, 0.25))
        ),
        len(x),
    )


def chair(seconds: float = 0.8, level: float = -20.0, seed: int = 0) -> Pcm:
    """A chair over the floor: slips at 40 to 90 Hz that make wood ring."""
    rng = np.random.default_rng(seed)
    x, at = np.zeros(round(seconds * RATE) + RATE // 4), 0.0
    t = np.arange(RATE // 8) / RATE
    while at < seconds:
        ring = sum(
            np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) * np.exp(-t / d)
            for f, d in ((180, 0.02), (420, 0.015), (950, 0.008), (2100, 0.004))
        )
        begin = round(at * RATE)
        x[begin : begin + len(ring)] += ring * rng.uniform(0.4, 1)
        at += 1 / rng.uniform(40, 90)
    return pcm(loudness(trim(x), level))


def throat(level: float = -20.0, seed: int = 0) -> Pcm:
    """Somebody clears their throat: two rough, half voiced bursts."""
    rng = np.random.default_rng(seed)
    parts = []
    for length in (0.22, 0.35):
        t = np.arange(round(length * RATE)) / RATE
        rough = np.sign(np.sin(2 * np.pi * 70 * t * rng.uniform(0.9, 1.1))) * 0.5 + rng.standard_normal(
            len(t)
        )
        parts += [formants(rough) * np.sin(np.pi * t / length), np.zeros(round(0.08 * RATE))]
    return pcm(loudness(trim(np.concatenate(parts)), level))


def knocks(level: float = -16.0, seed: int = 0) -> Pcm:
    """Three knocks on a table."""
    rng = np.random.default_rng(seed)
    x, t = np.zeros(round(0.9 * RATE)), np.arange(round(0.12 * RATE)) / RATE
    for at in (0.0, 0.25, 0.5):
        thump = (np.sin(2 * np.pi * 160 * t) + 0.3 * rng.standard_normal(len(t))) * np.exp(-t / 0.02)
        x[round(at * RATE) : round(at * RATE) + len(t)] += thump
    return pcm(loudness(x, level))


def noises() -> list[tuple[str, Pcm]]:
    gap = Pcm(bytes(2 * round(0.2 * RATE)), RATE)
    return [
        ("cough", cough(1)),
        ("loud cough", cough(3, -10)),
        ("double cough", join(cough(1), gap, cough(2))),
        ("double cough of another", join(cough(5), gap, cough(6))),
        ("throat", throat()),
        ("laughter", laughter()),
        ("long laughter", laughter(2.2, 170, seed=1)),
        ("high laughter", laughter(1.0, 300, -18, 2)),
        ("laughter in words", say("ha ha ha ha", "en-us", -20, 260)),
        ("hum", hum(0.6, 130)),
        ("high hum", hum(0.5, 210)),
        ("two hums", join(hum(0.35, 120), gap, hum(0.4, 130))),
        ("keys", clicks(1.2)),
        ("loud keys", clicks(1.5, 0.08, -14, 3)),
        ("chair", chair()),
        ("long chair", chair(1.6, -16, 1)),
        ("knocks", knocks()),
        ("music", music(2.0, -22)),
        ("beep", tone(0.7, [1000], -22)),
        ("breath", noise(0.8, -34, 1.0, 4)),
    ]


def human(folder: Path) -> list[tuple[str, Pcm]]:
    """Beginnings of the English recordings of people that `clips.tsv` in `folder` lists."""
    found = []
    with (folder / "clips.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["language"] == "en":
                path = next(folder.rglob(row["id"] + ".*"))
                clip = read_audio(path.read_bytes())
                x = soxr.resample(samples(clip), clip.rate, RATE)
                voiced = loudness(trim(x, -30), -20)
                found.append((f"{row['id']}: {row['text'][:30]}", pcm(voiced[: round(MAX_HUMAN_S * RATE)])))
    return found


async def piper(tts: PiperTts, text: str, voice: Voice, level: float = -20.0) -> Pcm:
    async with aclosing(tts.speak(text, voice)) as pieces:
        made = [piece async for piece in pieces]
    x = soxr.resample(np.concatenate([samples(piece) for piece in made]), made[0].rate, RATE)
    return pcm(loudness(trim(x), level))


async def disturbances(tts: PiperTts, people: Path | None) -> list[Disturbance]:
    """All of them, in a fixed order."""
    found: list[Disturbance] = []

    async def words(text: str, n: int, meant: bool, **how: float) -> Disturbance:
        level = (-20.0, -16.0, -26.0)[n % 3]
        if n % 2:
            sound, who = (
                await piper(tts, text, PIPER[n // 2 % len(PIPER)], level),
                f"piper {n // 2 % len(PIPER)}",
            )
        else:
            who = ESPEAK[n // 2 % len(ESPEAK)]
            sound = say(text, who, level, (160, 190, 220)[n % 3])
        over = "" if not how else f" over echo {how['echo']:g} dB, {1e3 * how['delay']:.0f} ms"
        return Disturbance(f"{text!r} by {who} at {level:g}{over}", sound, meant, **how)

    for n, text in enumerate(INTERRUPTIONS):
        found.append(await words(text, n, True))
        found.append(await words(text, n + 1, True))
        level, delay = ECHOES[3 + n % 9]
        found.append(await words(text, n + 1, True, echo=level, delay=delay))
    for n, text in enumerate(BACKCHANNELS):
        found.append(await words(text, n, False))
        found.append(await words(text, n + 1, False))
        level, delay = ECHOES[3 + n % 9]
        found.append(await words(text, n + 1, False, echo=level, delay=delay))
    for n, (name, sound) in enumerate(noises()):
        found.append(Disturbance(name, sound, False))
        if n % 2 == 0:
            level, delay = ECHOES[3 + n // 2 % 9]
            found.append(Disturbance(f"{name} over echo {level:g} dB", sound, False, level, delay))
    for level, delay in ECHOES:
        found.append(Disturbance(f"echo {level:g} dB, {1e3 * delay:.0f} ms", None, False, level, delay))
    if people:
        found += [Disturbance(name, sound, True) for name, sound in human(people)]
        found += [Disturbance(f"{name} over echo", sound, True, -15.0, 0.15) for name, sound in human(people)]
    return found
