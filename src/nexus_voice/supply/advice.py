"""Advice on engines that are better than those in use, and how to get them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    port: str
    message: str
    command: str


BETTER: dict[tuple[str, str], Advice] = {
    ("llm", "extractive"): Advice(
        "llm",
        "Answers are quoted from your documents. A language model can talk freely.",
        "nexus-voice models pull qwen2.5-1.5b-instruct",
    ),
    ("stt", "pocketsphinx"): Advice(
        "stt",
        "Speech recognition is basic. Whisper understands far more, in many languages.",
        "nexus-voice models pull whisper-base.en",
    ),
    ("tts", "espeak"): Advice(
        "tts",
        "The voice is a robot's. Piper's sound natural.",
        "nexus-voice models pull en_US-ljspeech-medium",
    ),
    ("vad", "energy"): Advice(
        "vad",
        "Any loud sound counts as speech. Silero tells voices from noise.",
        "NEXUS_VAD__KIND=silero nexus-voice serve",
    ),
}
"""(port, kind in use) -> what is better."""


def advice(used: Iterable[tuple[str, str]]) -> list[Advice]:
    """For the engines in use, given as (port, kind)."""
    return [BETTER[one] for one in used if one in BETTER]
