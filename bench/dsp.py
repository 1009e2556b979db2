"""Measures what the microphone's front end and the detector cost, in microseconds per 20 ms frame."""

from __future__ import annotations

import time
from typing import Any

import anyio

from nexus_voice.core.audio import Pcm
from nexus_voice.engines.silero.vad import SileroVad
from nexus_voice.talk.listening.front_end import MicrophoneFrontEnds
from nexus_voice.talk.listening.overlap import OverlapDetectors

from . import figures
from .contract import RATE
from .speaker import load_sound

SECONDS = 20
"""Seconds of sound for each figure: the utterance, repeated."""
SESSIONS = 32


def _frames(mute: bool) -> list[bytes]:
    sound = load_sound(mute)
    return list(sound.speech) * (SECONDS * 50 // len(sound.speech))


def front_end(rate: int) -> float:
    """Resampling, high-pass filter and noise gate. Rates other than 16 kHz only change the sound's pitch."""
    front = MicrophoneFrontEnds().open(rate)
    size = 2 * rate // 50
    data = b"".join(_frames(mute=False))
    frames = [data[at : at + size] for at in range(0, len(data) - size, size)]
    begun = time.perf_counter()
    for frame in frames:
        front(frame)
    return 1e6 * (time.perf_counter() - begun) / len(frames)


async def detector(mute: bool, sessions: int) -> float:
    """Silero with its gate. The windows of several sessions arrive at the same moment."""
    vad = SileroVad()
    detectors = [vad.open() for _ in range(sessions)]
    frames = [Pcm(frame, RATE) for frame in _frames(mute)][:: max(1, sessions // 8)]

    async def hear(index: int, pcm: Pcm) -> None:
        await detectors[index](pcm)

    begun = time.perf_counter()
    for pcm in frames:
        if sessions == 1:
            await detectors[0](pcm)
            continue
        async with anyio.create_task_group() as tasks:
            for index in range(sessions):
                tasks.start_soon(hear, index, pcm)
    return 1e6 * (time.perf_counter() - begun) / len(frames) / sessions


def overlap() -> float:
    """One judgement of who is talking over the assistant's voice."""
    detect = OverlapDetectors().open()
    for index, frame in enumerate(_frames(mute=False)[:100]):
        detect.far(Pcm(bytes(960), 24_000), index / 50)
        detect.near(Pcm(frame, RATE), (index + 1) / 50)
    begun = time.perf_counter()
    for _ in range(50):
        detect.speech(1.7)
    return 1e6 * (time.perf_counter() - begun) / 50


def once() -> dict[str, Any]:
    return {
        "front_end_16k_us": round(front_end(16_000), 1),
        "front_end_48k_us": round(front_end(48_000), 1),
        "detector_speech_us": round(anyio.run(detector, False, 1), 1),
        "detector_silence_us": round(anyio.run(detector, True, 1), 1),
        f"detector_speech_{SESSIONS}_sessions_us": round(anyio.run(detector, False, SESSIONS), 1),
        "overlap_judgement_us": round(overlap(), 1),
    }


def dsp(reps: int) -> None:
    runs = [once() for _ in range(reps)]
    print(
        "dsp:",
        ", ".join(
            f"{name.removesuffix('_us')} {value} us" for name, value in figures.median_of(runs).items()
        ),
    )
    figures.save("dsp", runs)
