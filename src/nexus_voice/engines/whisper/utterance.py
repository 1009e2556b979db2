"""One utterance on its way through Whisper: which audio to decode and when, and the words so far.

Whisper hears whole windows of up to 30 s, so a growing utterance is decoded again and again ("looks").
Nothing here waits or decodes. The engine asks what is due and reports what was decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest

import numpy as np

from ...core.audio import RATE, Transcript, Word
from ..vad_windows import floats
from .agreement import Agreement

BLOCK_SAMPLES = 320
"""20 ms, over which loudness is measured. All lengths below that are named so are in blocks."""
FIRST_LOOK_BLOCKS, LOOK_STEP_BLOCKS = 20, 30
"""New sound before a look while no word is known (0.4 s), and afterwards (0.6 s)."""
GAP_BLOCKS, GAP_STEP_BLOCKS = 5, 20
"""In a gap of 0.1 s, 0.4 s of new sound are enough: if it was the last word, it is known sooner."""
PAUSE_BLOCKS = 7
"""Silence (0.14 s) after which a look is due at once: the speaker has probably finished. At a pause of 0.16 s
the conversation hands over all sound, and waits for the words."""
TAIL_BLOCKS = 2
"""So little sound after a look holds no further word."""
MAX_WINDOW_BLOCKS = 26 * 50
"""26 s. A longer utterance is cut at the quietest moment in the second half of that."""
QUIET_BLOCKS = 15
"""Length of the quiet moment that is looked for: 0.3 s."""
MAX_UNCOVERED_BLOCKS = 2 * 50
"""After 2 s of silence an utterance would have ended, so what seems silent may be soft speech: look again."""
LOUDEST_BLOCKS = 8
"""Before speech is found, the level of the voice is that of so many of the loudest blocks: more than a click
has."""
VOICE_SHARE = 0.75
"""Afterwards it is the level that this share of the blocks of speech does not exceed, whatever banged."""
SOUND_RANGE, NOISE_MARGIN, NOISE_RANGE = 10**-4.0, 10**-1.5, 10**0.6
"""Powers relative to the voice: what is more than 40 dB below it is silence, and noise less than 15 dB below
it counts as sound. Noise does not rise more than 6 dB above its median."""
MIN_SOUND_POWER = 10**-6.5
"""Mean square of -65 dBFS; everything below is silence."""
CONTEXT_CHARS = 200
"""Of the text before a window, so many characters are given to the model."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The result of decoding a window; times are in seconds from its start."""

    text: str = ""
    words: tuple[tuple[str, float, float], ...] = ()
    language: str = ""
    certain: bool = False
    """Whether the language need not be detected again."""
    speech: tuple[float, float] = (0.0, 0.0)
    """Start of the first and end of the last speech in the window."""
    doubtful: bool = False
    """Whether a final would have been decoded once more, from the whole window."""


class Utterance:
    def __init__(self, language: str = "", expected: str = "") -> None:
        """`language` is that of the speech, if it is known; `expected` the one that is likely."""
        self.language = language
        """Empty until it is certain."""
        self.spoken = language
        """The language that the latest words were taken for."""
        self._expected = expected
        self._audio = bytearray()
        self._powers: list[float] = []
        self._noise = self._voice = 0.0
        self._began = 0
        """Where in the utterance the window begins."""
        self._covered = 0
        self._last: Decoded | None = None
        """The last look, if it can be the final."""
        self._worded = False
        self._text = ""
        self.partial = ""
        """The words so far, as the last look has them."""
        self._words: list[Word] = []
        self._agreement = Agreement()

    def hear(self, data: bytes) -> None:
        """PCM16 at 16 kHz, any length."""
        self._audio += data
        heard = 2 * BLOCK_SAMPLES * len(self._powers)
        if len(self._audio) < heard + 2 * BLOCK_SAMPLES:
            return
        whole = (len(self._audio) - heard) // (2 * BLOCK_SAMPLES) * BLOCK_SAMPLES
        x = floats(bytes(self._audio[heard : heard + 2 * whole]))
        self._powers += np.square(x).reshape(-1, BLOCK_SAMPLES).mean(axis=1).tolist()

    def due(self, interval: float = 0.0) -> bool:
        """Whether enough was added since the last look to decode the window again.

        Further looks come not more often than every `interval` seconds.
        """
        first, last = self._sound()
        if self._paused(last):
            return not self._decided(last)
        step = GAP_STEP_BLOCKS if len(self._powers) - last >= GAP_BLOCKS else LOOK_STEP_BLOCKS
        step = max(step, round(interval * RATE / BLOCK_SAMPLES))
        return last - max(first, self._covered) >= (step if self._worded else FIRST_LOOK_BLOCKS)

    @property
    def doubted(self) -> bool:
        """Whether the last look has heard all that was said before this pause, but cannot be the final."""
        last = self._sound()[1]
        return self._paused(last) and self._last is None and 0 < last <= self._covered + TAIL_BLOCKS

    @property
    def sure(self) -> bool:
        """Whether the words so far need no second look."""
        return self._last is not None

    @property
    def complete(self) -> bool:
        """Whether the speaker pauses, and the words so far are all that was said before."""
        last = self._sound()[1]
        return bool(self.partial) and self._paused(last) and self._decided(last)

    @property
    def covered(self) -> float:
        """Seconds of the utterance that the words so far cover: what the last look has heard, and the silence
        that came after it."""
        blocks = len(self._powers) if self.complete else self._covered
        return (self._began + blocks) * BLOCK_SAMPLES / RATE

    @property
    def settled(self) -> bool:
        """Whether the last look can be the final: its text is not doubted, and nothing was said since."""
        return self._decided(self._sound()[1])

    def _decided(self, last: int) -> bool:
        if len(self._powers) - self._covered >= MAX_UNCOVERED_BLOCKS:
            return False
        return last == 0 or (self._last is not None and last - self._covered <= TAIL_BLOCKS)

    def _paused(self, last: int) -> bool:
        return len(self._powers) - last >= PAUSE_BLOCKS

    @property
    def excess(self) -> int:
        """Blocks that must be closed before more are heard; 0 while the window is short enough."""
        if len(self._powers) < MAX_WINDOW_BLOCKS:
            return 0
        half = np.array(self._powers[MAX_WINDOW_BLOCKS // 2 : MAX_WINDOW_BLOCKS])
        return (
            MAX_WINDOW_BLOCKS // 2
            + QUIET_BLOCKS // 2
            + int(np.convolve(half, np.ones(QUIET_BLOCKS), "valid").argmin())
        )

    def window(self, blocks: int | None = None) -> tuple[bytes, str, str, str]:
        """(audio, language, expected one, text before) to decode: all of it, or the first `blocks`."""
        end = None if blocks is None else 2 * BLOCK_SAMPLES * blocks
        return bytes(self._audio[:end]), self.language, self._expected, self._text[-CONTEXT_CHARS:]

    def looked(self, decoded: Decoded, final: bool = False) -> str:
        """The whole window was decoded, perhaps as a `final` is -> the partial text of the utterance."""
        self._last = decoded if final or not decoded.doubtful else None
        self._worded = self._worded or bool(decoded.text)
        self.spoken = decoded.language or self.spoken
        self._covered = len(self._powers)
        self._learn(decoded, len(self._powers), final=False)
        self.partial = self._agreement.hear(self._text + decoded.text)
        return self.partial

    def closed(self, decoded: Decoded, blocks: int | None = None) -> None:
        """The window, or its first `blocks`, was decoded for good."""
        blocks = len(self._powers) if blocks is None else blocks
        self._learn(decoded, blocks, final=True)
        self._text += decoded.text
        begin = self._began * BLOCK_SAMPLES / RATE
        self._words += [Word(text.strip(), begin + start, begin + end) for text, start, end in decoded.words]
        del self._audio[: 2 * BLOCK_SAMPLES * blocks], self._powers[:blocks]
        self._began += blocks
        self._covered, self._last = 0, None

    def final(self) -> Transcript:
        """The final, in which the last look stands for the window."""
        if self._last:
            self.closed(self._last)
        return Transcript(self._text.strip(), True, self.language, tuple(self._words))

    def _learn(self, decoded: Decoded, blocks: int, final: bool) -> None:
        if final or decoded.certain:
            self.language = self.language or decoded.language
        start, end = (round(seconds * RATE / BLOCK_SAMPLES) for seconds in decoded.speech)
        still = self._powers[:start] + self._powers[end:blocks]
        if len(still) >= PAUSE_BLOCKS:
            self._noise = float(np.median(still))
        if end - start >= LOUDEST_BLOCKS:
            self._voice = float(np.quantile(self._powers[start:end], VOICE_SHARE))

    def _sound(self) -> tuple[int, int]:
        """The first block with sound, and the one after the last; both 0 when there is none."""
        loudest = nlargest(LOUDEST_BLOCKS, self._powers)
        voice = self._voice or (loudest[-1] if len(loudest) == LOUDEST_BLOCKS else 0.0)
        limit = max(
            MIN_SOUND_POWER, voice * SOUND_RANGE, min(NOISE_RANGE * self._noise, voice * NOISE_MARGIN)
        )
        loud = [i for i, power in enumerate(self._powers) if power > limit]
        return (loud[0], loud[-1] + 1) if loud else (0, 0)
