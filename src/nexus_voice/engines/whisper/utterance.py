"""One utterance on its way through Whisper: which audio to decode, when, and what is known so far.

Whisper hears whole windows of up to 30 s, so a growing utterance is decoded again and again ("looks").
Nothing here waits or computes much: the engine asks what is due and reports what was decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest

import numpy as np

from ...core.audio import RATE, Transcript, Word
from ..envelope import floats
from .agreement import Agreement

BLOCK = 320
"""Samples whose loudness is judged together: 20 ms. All lengths below are in blocks."""
FIRST, STEP = 20, 30
"""New sound that is worth a look: 0.4 s at first, then 0.6 s."""
SPARE = 2
"""Looks begin this many times as far apart as one takes: half the time, none is in the final's way."""
PAUSE = 10
"""Silence after which the words so far are worth a look: they are probably all."""
TAIL = 2
"""Sound after a look that holds no further word."""
WINDOW = 26 * 50
"""An utterance longer than this is cut at its quietest moment in the second half of it."""
GAP = 15
"""What a quiet moment lasts."""
LOUDEST = 8
"""The loudest blocks: a click has fewer of them than a voice."""
RANGE, MARGIN = 10**-4.0, 10**-1.5
"""Sound is at most 40 dB under the loudest blocks; noise that is less than 15 dB under them is sound too."""
FAINTEST = 10**-6.5
"""Mean square under which nothing is sound: -65 dBFS."""
CERTAIN = 0.8
"""Probability of a language that settles it."""
CONTEXT = 200
"""Characters of the text before a window that the model is told."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the model made of a window; times are seconds from its start."""

    text: str = ""
    words: tuple[tuple[str, float, float], ...] = ()
    language: str = ""
    certainty: float = 0.0
    """Of the language, 0..1."""
    speech: tuple[float, float] = (0.0, 0.0)
    """From the first to the last speech of the window."""
    sound: bool = True
    """Whether the text is neither improbable nor repetitive: fit to be final."""


class Utterance:
    def __init__(self, language: str = "", seconds: float = 0.0) -> None:
        """`seconds` is what a decode takes at present."""
        self.language = language
        """Empty until it is certain."""
        self._step = max(STEP, round(SPARE * seconds * RATE / BLOCK))
        self._first = max(FIRST, self._step // SPARE if self._step > STEP else 0)
        self._audio = bytearray()
        self._powers: list[float] = []
        self._noise = 0.0
        self._began = 0
        """Where in the utterance the window begins."""
        self._covered = 0
        self._looked = False
        self._last = Decoded()
        self._text = ""
        self._words: list[Word] = []
        self._agreement = Agreement()

    def hear(self, data: bytes) -> None:
        """PCM16 at 16 kHz, any length."""
        self._audio += data
        heard = 2 * BLOCK * len(self._powers)
        if len(self._audio) < heard + 2 * BLOCK:
            return
        whole = (len(self._audio) - heard) // (2 * BLOCK) * BLOCK
        x = floats(bytes(self._audio[heard : heard + 2 * whole]))
        self._powers += np.square(x).reshape(-1, BLOCK).mean(axis=1).tolist()

    @property
    def due(self) -> bool:
        """Whether the window is worth a look by now."""
        first, last = self._sound()
        fresh = last - max(first, self._covered)
        if len(self._powers) - last >= PAUSE:
            return fresh > TAIL
        return fresh >= (self._step if self._looked else self._first)

    @property
    def settled(self) -> bool:
        """Whether nothing was said since the last look, and that one was good enough."""
        return self._last.sound and self._sound()[1] - self._covered <= TAIL

    @property
    def excess(self) -> int:
        """Blocks that must be closed before more are heard; 0 while the window is short enough."""
        if len(self._powers) < WINDOW:
            return 0
        half = np.array(self._powers[WINDOW // 2 : WINDOW])
        return WINDOW // 2 + GAP // 2 + int(np.convolve(half, np.ones(GAP), "valid").argmin())

    def window(self, blocks: int | None = None) -> tuple[bytes, str, str]:
        """(audio, language, text before it) to decode: all of it, or the first `blocks`."""
        end = None if blocks is None else 2 * BLOCK * blocks
        return bytes(self._audio[:end]), self.language, self._text[-CONTEXT:]

    def looked(self, decoded: Decoded) -> str:
        """The whole window was decoded -> the partial text of the utterance."""
        self._looked, self._last = True, decoded
        self._covered = len(self._powers)
        self._learn(decoded, len(self._powers), final=False)
        return self._agreement.hear(self._text + decoded.text)

    def closed(self, decoded: Decoded, blocks: int | None = None) -> None:
        """The window, or its first `blocks`, was decoded for good."""
        blocks = len(self._powers) if blocks is None else blocks
        self._learn(decoded, blocks, final=True)
        self._text += decoded.text
        begin = self._began * BLOCK / RATE
        self._words += [Word(text.strip(), begin + start, begin + end) for text, start, end in decoded.words]
        del self._audio[: 2 * BLOCK * blocks], self._powers[:blocks]
        self._began += blocks
        self._covered, self._last = 0, Decoded()

    def final(self) -> Transcript:
        """With what the last look said of the window."""
        self.closed(self._last)
        return Transcript(self._text.strip(), True, self.language, tuple(self._words))

    def _learn(self, decoded: Decoded, blocks: int, final: bool) -> None:
        if final or decoded.certainty >= CERTAIN:
            self.language = self.language or decoded.language
        start, end = (round(seconds * RATE / BLOCK) for seconds in decoded.speech)
        still = sorted(self._powers[:start] + self._powers[end:blocks])
        if len(still) >= PAUSE:
            self._noise = still[len(still) * 9 // 10]

    def _sound(self) -> tuple[int, int]:
        """The first block with sound, and the one after the last; both 0 when there is none."""
        loudest = nlargest(LOUDEST, self._powers)
        if len(loudest) < LOUDEST:
            loudest = [0.0]
        limit = max(FAINTEST, loudest[-1] * RANGE, min(2 * self._noise, loudest[-1] * MARGIN))
        loud = [i for i, power in enumerate(self._powers) if power > limit]
        return (loud[0], loud[-1] + 1) if loud else (0, 0)
