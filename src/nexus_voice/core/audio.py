"""Sound as plain values. Everywhere inside, audio is mono PCM16 little-endian."""

from __future__ import annotations

from dataclasses import dataclass

RATE = 16_000
"""Rate in Hz that the ear hears at; other rates are resampled at the edge."""


@dataclass(frozen=True, slots=True)
class Pcm:
    """Mono 16-bit little-endian samples at `rate` Hz; `data` has an even number of bytes."""

    data: bytes
    rate: int

    @property
    def samples(self) -> int:
        return len(self.data) // 2

    @property
    def seconds(self) -> float:
        return len(self.data) / (2 * self.rate)


def silence(seconds: float, rate: int = RATE) -> Pcm:
    """`seconds` of digital silence."""
    return Pcm(bytes(2 * round(seconds * rate)), rate)


@dataclass(frozen=True, slots=True)
class Voicing:
    """What a voice activity detector says of one window of audio.

    `probability` of speech is 0..1. `lead` and `trail` count the samples at the window's start and
    end that the loudness envelope calls silent, so that speech is dated to about 10 ms although
    the detector's window is longer. All three lengths are in samples at `RATE`.
    """

    probability: float
    samples: int
    lead: int = 0
    trail: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word; `start` and `end` in seconds from the utterance's first sample."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """Text recognised so far. A partial may still change; exactly one final ends an utterance."""

    text: str
    final: bool
    language: str = ""
    """ISO 639-1 code of what was spoken ("en"); empty when the engine does not say."""
    words: tuple[Word, ...] = ()
    """Word times, where the engine gives them."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Word timing from a voice: `at` seconds into a sentence, its first `chars` characters are said."""

    at: float
    chars: int


@dataclass(frozen=True, slots=True)
class Voice:
    """How to speak. `rate` and `pitch` are factors, 0.5..2; an empty `name` is the engine's default
    voice for `language` (ISO 639-1; empty: the engine's own language).
    """

    name: str = ""
    rate: float = 1.0
    pitch: float = 1.0
    language: str = ""
