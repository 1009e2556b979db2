"""How long a language model on this machine takes to its first token: cold, and when the beginning of its
prompt was read while the question was spoken."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from nexus_voice.core.chat import Passage, Prompt, ToolCall
from nexus_voice.engines.llama.llm import LlamaCppLlm
from nexus_voice.tools.builtin import Calculator, Clock

from . import figures

QUESTIONS = 5
PASSAGE_TOKENS, PASSAGE_CHARACTERS = 800, 600
SPOKEN_S = (0.0, 2.0, 4.0)
"""Seconds from when the passages are known to the end of the question."""
TOOLS = (Clock(), Calculator())
TEXT = Path(__file__).parents[1] / "docs" / "start.md"


async def passages(llm: LlamaCppLlm) -> tuple[Passage, ...]:
    """Passages of our documentation that together have `PASSAGE_TOKENS` tokens, as the model counts."""
    text, found, left = TEXT.read_text(), [], PASSAGE_TOKENS
    for at in range(0, len(text), PASSAGE_CHARACTERS):
        piece = text[at : at + PASSAGE_CHARACTERS]
        (size,) = await llm.tokens([piece])
        if size > left:
            piece = piece[: PASSAGE_CHARACTERS * left // size]
        found.append(Passage(piece, "start", "Getting started"))
        left -= size
        if left <= 0:
            return tuple(found)
    raise ValueError(f"{TEXT} is too short")


async def first_token(llm: LlamaCppLlm, prompt: Prompt) -> float:
    began = time.perf_counter()
    async with aclosing(llm.stream(prompt, TOOLS)) as pieces:
        async for piece in pieces:
            if isinstance(piece, ToolCall) or piece.strip():
                break
    return time.perf_counter() - began


async def measured(path: Path) -> dict[str, Any]:
    async with LlamaCppLlm(path) as llm:
        await llm.ready()
        found = await passages(llm)
        waits: dict[str, list[float]] = {}
        number = 0

        def prompt(question: str) -> Prompt:
            """A prompt whose first words are new to the server."""
            return Prompt(question, f"You are assistant {number}, kind and short.", "", found, spoken=True)

        async def noted(name: str, spoken: float | None) -> None:
            nonlocal number
            number += 1
            beginning = prompt("")
            if spoken is not None:
                await llm.prime(replace(beginning, passages=()), TOOLS)  # as soon as somebody speaks
                began = time.perf_counter()
                with anyio.move_on_after(spoken or None):
                    await llm.prime(beginning, TOOLS)
                waits.setdefault("reading_passages", []).append(time.perf_counter() - began)
            asked = replace(beginning, question=f"How do I start number {number}?")
            waits.setdefault(name, []).append(await first_token(llm, asked))

        for _ in range(QUESTIONS):
            await noted("cold", None)
            for spoken in SPOKEN_S:
                await noted(f"read_for_{spoken:g}_s" if spoken else "all_read", spoken)
    return {f"{name}_ms": figures.spread(times) for name, times in waits.items()}


def speculation(reps: int, path: Path) -> None:
    runs = []
    for _ in range(reps):
        runs.append(anyio.run(measured, path))
        for name, times in runs[-1].items():
            print(
                f"{path.stem}, {PASSAGE_TOKENS} tokens of passages, {name}: {times['p50']} / {times['p95']}"
            )
    figures.save("speculation", runs, model=path.stem)
