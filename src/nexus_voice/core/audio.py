"""Values of sound. All audio inside the program is mono PCM16, little-endian."""

from __future__ import annotations

from dataclasses import dataclass, field

RATE = 16_000
"""Sample rate of everything that listens, in Hz; other rates are resampled where audio comes in."""


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
    """What a voice activity detector finds in one window of audio.

    `probability` is that of speech, 0..1. `lead` and `trail` are the silent parts at the start and the end of
    the window, by its loudness: they date speech to about 10 ms, although the window is longer. All lengths
    are in samples at `RATE`.
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
    """The text recognised so far. A partial may still change. Exactly one final ends an utterance."""

    text: str
    final: bool
    language: str = ""
    """ISO 639-1 code of what was spoken ("en"); empty when the engine does not say."""
    words: tuple[Word, ...] = ()
    """Word times, where the engine gives them."""
    until: float | None = field(default=None, compare=False)
    """Seconds of the utterance's audio that a partial covers; None: all there was when it came."""
    sure: bool = field(default=True, compare=False)
    """False for a partial so doubtful that its recogniser will look at the same sound again."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A word's time in a voice's audio: `at` seconds into a sentence, its first `chars` characters are
    spoken."""

    at: float
    chars: int


@dataclass(frozen=True, slots=True)
class Voice:
    """How to speak.

    `rate` and `pitch` are factors, 0.5..2. An empty `name` means the engine's default voice for `language`,
    an ISO 639-1 code; an empty `language` means the engine's own.
    """

    name: str = ""
    rate: float = 1.0
    pitch: float = 1.0
    language: str = ""
