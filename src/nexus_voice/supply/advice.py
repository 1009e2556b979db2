"""Advice on engines that are better than those in use, and how to get them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from ..engines.llama.plan import GPUS


@dataclass(frozen=True, slots=True)
class Advice:
    port: str
    message: str
    command: str


STARTER = "nexus-voice models pull"
"""Gets all that the set-up could not get."""
BETTER: dict[tuple[str, str], Advice] = {
    ("llm", "extractive"): Advice(
        "llm",
        "Answers are quoted from your documents. A language model can talk freely.",
        "nexus-voice models pull qwen2.5-1.5b-instruct",
    ),
    ("stt", "pocketsphinx"): Advice(
        "stt",
        "Speech recognition is basic. Whisper understands far more, in many languages.",
        STARTER,
    ),
    ("tts", "espeak"): Advice(
        "tts",
        "The voice is a robot's. Piper's sound natural.",
        STARTER,
    ),
    ("turn", ""): Advice(
        "turn",
        "Words and silence alone tell when you have finished. smart-turn hears it in your voice.",
        STARTER,
    ),
    ("vad", "energy"): Advice(
        "vad",
        "Any loud sound counts as speech. Silero tells voices from noise.",
        "NEXUS_VAD__KIND=silero nexus-voice serve",
    ),
}
"""(port, kind in use; "" for none) -> what is better."""

MIN_LLM_CORES = 8
"""Without a GPU the model of `BETTER` reads some 15 tokens a second on each core: on two cores, a question
and its passages take half a minute."""
ELSEWHERE = Advice(
    "llm",
    "Answers are quoted from your documents. A language model elsewhere can talk freely.",
    "NEXUS_LLM__BASE_URL=http://SERVER/v1 nexus-voice serve",
)
"""For a machine that is too slow for a language model."""


def advice(used: Iterable[tuple[str, str]], cores: int | None = None) -> list[Advice]:
    """For the engines in use, given as (port, kind), on a machine of so many cores (this one)."""
    slow = (cores or os.cpu_count() or 1) < MIN_LLM_CORES and not any(gpu.exists() for gpu in GPUS)
    better = BETTER | {("llm", "extractive"): ELSEWHERE} if slow else BETTER
    return [better[one] for one in used if one in better]


def commands(better: Iterable[Advice]) -> list[tuple[str, str]]:
    """(command, all that it is good for)."""
    found: dict[str, str] = {}
    for one in better:
        found[one.command] = f"{found.get(one.command, '')} {one.message}".strip()
    return list(found.items())
