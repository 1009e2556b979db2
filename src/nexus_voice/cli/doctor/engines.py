"""Checks of the engines: each one that the settings choose is loaded and used once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import replace
from functools import partial
from typing import Any

import anyio

from ...core.audio import RATE, Pcm, Voice, silence
from ...core.chat import Passage, Prompt
from ...core.errors import EngineError
from ...engines import load
from ...ports import ListsModels, NamesModel, NeedsLoading, TellsCost
from ...settings import Settings
from ...supply.advice import advice
from ...supply.choices import choices
from ...supply.discovery import look
from ...supply.offers import Choice
from ...supply.skills import MAY, skills
from ...supply.supply import make
from .check import Check, reason

SENTENCE = "How do I add a language model?"
"""What the voice says and the recogniser then hears."""
ENGINE_TIMEOUT_S = 60.0
"""How long an engine may take to load and work; on its first use, a model is converted."""
SILENCE_PEAK = 100
"""Peak of 16-bit samples below which synthesised speech counts as silence."""
NAMES = {
    "vad": "Speech detector",
    "stt": "Speech recogniser",
    "turn": "End of a turn",
    "llm": "Answers",
    "tts": "Voice",
    "embedder": "Meaning search",
    "reranker": "Reranker",
    "search": "Web search",
}
REPAIR = {
    "vad": "Run `make setup` again, or set NEXUS_VAD__KIND=energy.",
    "stt": "Check its key or model; for pocketsphinx run `make setup` again with Python 3.11 or 3.13.",
    "tts": "Check its key or model, and NEXUS_TTS__VOICE; for espeak run `make setup` again.",
    "turn": "Pull its model again, or set NEXUS_TURN__KIND=off.",
    "reranker": "Pull its model again, or set NEXUS_RERANKER__KIND=off.",
    "embedder": "Run `make setup` again. Until then documents are searched by words only.",
    "llm": "Check its address, key and model (docs/engines.md), and that the server runs.",
    "search": "Check TAVILY_API_KEY or NEXUS_SEARCH__BASE_URL.",
}


class EngineChecks:
    """Checks the engines one by one. What the first voice says is kept for the recogniser to hear."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sound: Pcm | None = None
        self._costs: dict[str, float] = {}
        self._use = {
            "vad": self._detect,
            "stt": self._transcribe,
            "turn": self._judge,
            "llm": self._answer,
            "tts": self._speak,
            "embedder": self._embed,
            "reranker": self._rank,
        }

    async def run(self) -> AsyncIterator[Check]:
        kind = self._settings.vad.kind
        yield await self._check("vad", kind, lambda: load("vad", kind)())
        found = replace(await look(self._settings), costs=self._costs)
        for port in ("tts", "stt", "turn", "embedder", "reranker", "llm", "search"):
            done: list[Choice] = []  # what a recogniser costs, once it is loaded, may bring another before it
            while rest := [one for one in choices(port, self._settings, found) if one not in done]:
                choice, rank = rest[0], len(done)
                done.append(choice)
                if choice.missing:
                    yield Check(f"{NAMES[port]} ({choice.kind})", "fails", choice.missing, REPAIR[port])
                else:
                    yield await self._check(port, choice.kind, partial(make, choice), choice, rank)

    async def _check(
        self, port: str, kind: str, build: Callable[[], Any], choice: Choice | None = None, rank: int = 0
    ) -> Check:
        """Load the engine and use it once; of a provider, check only that it answers and takes the key."""
        what = f"{NAMES[port]} ({kind})" if not rank else f"  else ({kind})"
        remote = choice is not None and "base_url" in choice.arguments
        try:
            with anyio.fail_after(ENGINE_TIMEOUT_S):
                async with AsyncExitStack() as stack:
                    engine = build()
                    if isinstance(engine, AbstractAsyncContextManager):
                        engine = await stack.enter_async_context(engine)
                    began = anyio.current_time()
                    if isinstance(engine, NeedsLoading):
                        await engine.ready()
                    took = (anyio.current_time() - began) * 1e3
                    if choice and isinstance(engine, TellsCost):
                        self._costs[choice.label] = await engine.cost()
                    if remote and not isinstance(engine, ListsModels):
                        said = f"answers in {took:.0f} ms"
                    else:
                        said = await self._use[port](engine)
                    if isinstance(engine, NamesModel):
                        model = await engine.model(Prompt(""))
                        said += f"; {model} {MAY[skills(self._settings)(model)]}"
                    found = f"{engine.name}: {said}"
                    if choice and choice.label in self._costs:
                        found += f", a decode takes {self._costs[choice.label]:.2f} s"
        except TimeoutError:
            return Check(what, "fails", f"did nothing for {ENGINE_TIMEOUT_S:.0f} s", REPAIR[port])
        except Exception as error:
            return Check(what, "fails", reason(error), REPAIR[port])
        if choice is not None:
            found += f" ({choice.why})"
        better = advice([(port, kind)]) if not rank else []
        if better:
            return Check(what, "note", found, f"{better[0].message} {better[0].command}")
        return Check(what, "works", found)

    async def _detect(self, engine: Any) -> str:
        windows = await engine.open(0.5)(silence(1.0))
        if not windows or max(window.probability for window in windows) >= 0.5:
            raise EngineError("takes silence for speech")
        return f"silence is silence, in {len(windows)} windows a second"

    async def _speak(self, engine: Any) -> str:
        import numpy as np

        began, first, parts, rate = anyio.current_time(), 0.0, [], RATE
        async with aclosing(engine.speak(SENTENCE, Voice())) as pieces:
            async for piece in pieces:
                if isinstance(piece, Pcm):
                    first = first or anyio.current_time() - began
                    rate = piece.rate
                    parts.append(piece.data)
        sound = Pcm(b"".join(parts), rate)
        if not sound.data or np.abs(np.frombuffer(sound.data, "<i2")).max() < SILENCE_PEAK:
            raise EngineError("makes no sound")
        self._sound = self._sound or sound
        return f"{sound.seconds:.1f} s of speech, the first after {first * 1e3:.0f} ms"

    def _heard(self) -> Pcm:
        """What the voice has said, as it is heard."""
        from ...audio.resample import Resampler

        sound = self._sound or silence(1.0)
        resampler = Resampler(sound.rate, RATE)
        return Pcm(resampler.push(sound.data) + resampler.finish(), RATE)

    async def _transcribe(self, engine: Any) -> str:
        data = self._heard().data

        async def audio() -> AsyncIterator[Pcm]:
            for at in range(0, len(data), RATE // 5):
                yield Pcm(data[at : at + RATE // 5], RATE)

        async with aclosing(engine.transcribe(audio())) as transcripts:
            async for transcript in transcripts:
                if transcript.final:
                    return f"heard “{transcript.text.strip()}”"
        raise EngineError("gave no transcript")

    async def _judge(self, engine: Any) -> str:
        began = anyio.current_time()
        likely = await engine.finished(self._heard())
        return f"“{SENTENCE}” is finished: {likely:.0%}, in {(anyio.current_time() - began) * 1e3:.0f} ms"

    async def _embed(self, engine: Any) -> str:
        began = anyio.current_time()
        vectors = await engine.embed([SENTENCE], "query")
        if vectors.shape != (1, engine.dimensions):
            raise EngineError(f"gave vectors of shape {vectors.shape}")
        took = (anyio.current_time() - began) * 1e3
        return f"{engine.dimensions} dimensions, a question in {took:.0f} ms"

    async def _rank(self, engine: Any) -> str:
        passages = [Passage(text, text, "") for text in ("The weather is fine.", f"{SENTENCE} Pull one.")]
        began = anyio.current_time()
        if len(await engine.rank(SENTENCE, passages)) != len(passages):
            raise EngineError("loses passages")
        return f"two passages in {(anyio.current_time() - began) * 1e3:.0f} ms"

    async def _answer(self, engine: Any) -> str:
        if not isinstance(engine, ListsModels):
            async with aclosing(engine.stream(Prompt("What is two plus two?"))) as pieces:
                text = "".join([piece async for piece in pieces if isinstance(piece, str)]).strip()
            return f"says “{text[:60]}”"
        served = await engine.models()
        return f"serves {', '.join(served[:3]) or 'no model'}"
