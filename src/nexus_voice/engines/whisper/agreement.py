"""Local agreement: a word is stable once two hypotheses in a row agree on it; the rest is tentative.

LocalAgreement-2 of D. Liu et al., "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by
Partial Hypothesis Selection" (2020), as D. Macháček et al., "Turning Whisper into Real-Time Transcription
System" (2023) use it.
"""

from __future__ import annotations

import re

_SPACELESS_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words: Thai and Lao, Burmese, Khmer, kana, Han. Each character is a unit."""
_UNIT = re.compile(rf"(?<!\s)\s*+(?:[{_SPACELESS_SCRIPTS}]|[^\s{_SPACELESS_SCRIPTS}]+)")
_PUNCTUATION = re.compile(r"[^\w]+")


def units(text: str) -> list[str]:
    """Words, each with the space before it, so that joined they are `text` again."""
    return _UNIT.findall(text)


class Agreement:
    """The agreement over one utterance. A stable word is never taken back."""

    def __init__(self) -> None:
        self.stable: list[str] = []
        self._rest: list[str] = []

    def hear(self, text: str) -> str:
        """The next hypothesis for the whole utterance -> the stable words and its tentative rest."""
        now = units(text)
        rest = now[self._end(now) :]
        agreed = 0
        while agreed < min(len(rest), len(self._rest)) and key(rest[agreed]) == key(self._rest[agreed]):
            agreed += 1
        self.stable += rest[:agreed]
        self._rest = rest[agreed:]
        return "".join([*self.stable, *self._rest]).strip()

    def _end(self, now: list[str]) -> int:
        """Where in `now` the stable words end: it may have more or fewer words before that place."""
        expected = len(self.stable)
        if not expected:
            return 0
        last = key(self.stable[-1])
        places = [i + 1 for i, unit in enumerate(now) if key(unit) == last]
        return min(places, key=lambda place: abs(place - expected), default=min(expected, len(now)))


def key(unit: str) -> str:
    """`unit` without case and punctuation, for comparing."""
    return _PUNCTUATION.sub("", unit).casefold() or unit.strip()
