"""Scripted engines, for tests and for load tests that measure the pipeline alone.

All delays are in seconds on an absolute schedule (a late token does not delay the next one), read
from anyio's clock. Little is allocated per token or chunk, so that hundreds of conversations share
one core.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

import anyio
import numpy as np

from ...core.audio import Mark, Pcm, Transcript, Voice, Voicing
from ...core.chat import Prompt, ToolCall
from ...core.errors import EngineError

if TYPE_CHECKING:
    from ...ports import Detector, Tool, Vectors

AMPLITUDE = 6000
ANSWER = "The forecast says rain until noon. After that the sky clears. Take an umbrella when you leave."


@dataclass(frozen=True, slots=True)
class Failure:
    """Raises `error` in call number `call` (from 1; 0: in every one, -1: in none) after `after` pieces."""

    call: int = 0
    after: int = 0
    error: Exception = field(default_factory=lambda: EngineError("A scripted failure.", code="scripted"))

    def check(self, call: int, pieces: int) -> None:
        if self.call in (0, call) and pieces >= self.after:
            raise self.error


NEVER = Failure(call=-1)


class FakeStt:
    """Hears `transcript` whatever is said; when several are given, one for each utterance in turn.

    It reads the audio to its end and yields the final `final_delay` later. With `partials`, the
    transcript's words appear as audio arrives, `words_per_second` of them.
    """

    def __init__(
        self,
        transcript: str | Sequence[str] = "What will the weather be like tomorrow?",
        final_delay: float = 0.1,
        partials: bool = False,
        words_per_second: float = 2.5,
        fail: Failure = NEVER,
        language: str = "",
    ) -> None:
        self.name = "fake"
        self.early_words = partials
        self._language = language
        self.calls = self.running = 0
        texts = [transcript] if isinstance(transcript, str) else transcript
        self._scripts = [(text, _prefixes(text)) for text in texts]
        self._delay, self._pace, self._fail = final_delay, words_per_second, fail

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        text, growing = self._scripts[self.calls % len(self._scripts)]
        self.calls += 1
        call, heard, shown = self.calls, 0, 0
        self.running += 1
        try:
            async for pcm in audio:
                heard += pcm.samples
                words = min(int(heard * self._pace / pcm.rate), len(growing)) if self.early_words else 0
                if words > shown:
                    self._fail.check(call, shown)
                    shown = words
                    yield Transcript(growing[words - 1], final=False)
            self._fail.check(call, shown)
            await anyio.sleep(self._delay)
            yield Transcript(text, final=True, language=self._language)
        finally:
            self.running -= 1


class FakeLlm:
    """Answers `answer` word by word; it may be a function of the prompt.

    The first token comes `first_token` after the call, then one every `token_gap`. When tools are offered
    and none was run yet in this turn, it says `before` and then makes the `tool_calls`. `prompts` keeps the
    latest few prompts.
    """

    local = True

    def __init__(
        self,
        answer: str | Callable[[Prompt], str] = ANSWER,
        first_token: float = 0.15,
        token_gap: float = 0.02,
        tool_calls: Sequence[ToolCall] = (),
        before: str = "",
        fail: Failure = NEVER,
    ) -> None:
        self.name = "fake"
        self.calls = self.running = 0
        self.prompts: deque[Prompt] = deque(maxlen=16)
        self._answer = tokens(answer) if isinstance(answer, str) else answer
        self._first, self._gap = first_token, token_gap
        self._tool_calls, self._before, self._fail = tool_calls, before, fail

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncGenerator[str | ToolCall]:
        self.calls += 1
        call = self.calls
        self.prompts.append(prompt)
        asks = self._tool_calls if tools and not prompt.steps else ()
        pieces: Sequence[str | ToolCall]
        if asks:
            pieces = (*tokens(self._before), *asks)
        else:
            pieces = tokens(self._answer(prompt)) if callable(self._answer) else self._answer
        due = anyio.current_time() + self._first
        self.running += 1
        try:
            for sent, piece in enumerate(pieces):
                await anyio.sleep_until(due)
                due += self._gap
                self._fail.check(call, sent)
                yield piece
            self._fail.check(call, len(pieces))
        finally:
            self.running -= 1


class FakeTts:
    """A 220 Hz tone for every sentence: `seconds` long, or by `chars_per_second` when that is set.

    The first chunk of `chunk` seconds comes `first_audio` after the call, the others at `speed`
    times real time. Empty text makes no sound. With `marks`, a Mark follows the audio of each word.
    """

    local = True

    def __init__(
        self,
        first_audio: float = 0.08,
        speed: float = 10.0,
        seconds: float = 2.0,
        chars_per_second: float = 0.0,
        chunk: float = 0.1,
        rate: int = 24_000,
        marks: bool = False,
        fail: Failure = NEVER,
    ) -> None:
        self.name = "fake"
        self.calls = self.running = 0
        self.sentences: deque[str] = deque(maxlen=16)
        self._first, self._step = first_audio, chunk / speed
        self._seconds, self._pace, self._marks = seconds, chars_per_second, marks
        self._chunk, self._rate, self._fail = max(1, round(chunk * rate)), rate, fail

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm | Mark]:
        self.calls += 1
        call, due = self.calls, anyio.current_time() + self._first
        self.sentences.append(sentence)
        seconds = len(sentence) / self._pace if self._pace else self._seconds * bool(sentence.strip())
        left, sent = round(seconds * self._rate), 0
        marks = _marks(sentence, seconds) if self._marks else ()
        shown = 0
        self.running += 1
        try:
            while left > 0:
                await anyio.sleep_until(due)
                due += self._step
                self._fail.check(call, sent)
                sent += 1
                yield _tone(min(left, self._chunk), self._rate)
                left -= self._chunk
                while shown < len(marks) and marks[shown].at * self._rate <= sent * self._chunk:
                    yield marks[shown]
                    shown += 1
            self._fail.check(call, sent)
        finally:
            self.running -= 1


class FakeVad:
    """Takes any sample louder than `threshold` for speech; its windows have `window` samples."""

    def __init__(self, threshold: int = 500, window: int = 512) -> None:
        self.name = "fake"
        self._threshold, self._window = threshold, window

    def open(self, sensitivity: float = 0.5) -> Detector:
        # 0.5 leaves the threshold as it is, 1 hears everything but digital silence.
        return _Loudness(round(self._threshold * 2 * (1 - sensitivity)), self._window)


class _Loudness:
    def __init__(self, threshold: int, window: int) -> None:
        self._threshold, self._window = threshold, window
        self._kept = b""

    async def __call__(self, pcm: Pcm) -> list[Voicing]:
        data, size = self._kept + pcm.data, 2 * self._window
        whole = len(data) - len(data) % size
        self._kept = data[whole:]
        samples = np.frombuffer(data[:whole], "<i2").reshape(-1, self._window)
        return [self._voicing(row) for row in np.abs(samples.astype(np.int32)) > self._threshold]

    def _voicing(self, loud: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Voicing:
        size = self._window
        if not loud.any():
            return Voicing(0.0, size, lead=size, trail=size)
        return Voicing(1.0, size, lead=int(loud.argmax()), trail=int(loud[::-1].argmax()))

    def reset(self) -> None:
        self._kept = b""


class FakeEmbedder:
    """Hashes words, so that texts that share words are close. Deterministic; it has no model."""

    def __init__(self, dimensions: int = 64) -> None:
        self.name = "fake"
        self.dimensions = dimensions

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()) or [""]:
                digest = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
                row[(digest >> 1) % self.dimensions] += 1.0 if digest & 1 else -1.0
            row[0] += 0.0 if row.any() else 1.0
            row /= np.linalg.norm(row)
        return vectors


@lru_cache(256)
def tokens(text: str) -> tuple[str, ...]:
    """Words, each with the white space before it, as language models emit them."""
    return tuple(re.findall(r"(?<!\s)\s*+\S+", text))


def _prefixes(text: str) -> tuple[str, ...]:
    return tuple(accumulate(tokens(text)))


def _marks(sentence: str, seconds: float) -> tuple[Mark, ...]:
    ends = accumulate(map(len, tokens(sentence)))
    return tuple(Mark(seconds * end / len(sentence), end) for end in ends)


@lru_cache(256)
def _tone(samples: int, rate: int) -> Pcm:
    """A square wave: no sample is zero, so that a gap in the audio is always visible."""
    positive = np.arange(samples) * 440 // rate % 2 == 0
    return Pcm(np.where(positive, AMPLITUDE, -AMPLITUDE).astype("<i2").tobytes(), rate)
