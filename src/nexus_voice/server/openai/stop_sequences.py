"""Stop sequences: the text ends before the first of them, however it is cut into pieces."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """Feed it the answer; it holds back what may yet turn out to be the beginning of a stop sequence."""

    def __init__(self, sequences: Sequence[str]) -> None:
        self.found = False
        self._sequences = [one for one in sequences if one]
        self._held = ""

    def feed(self, text: str) -> str:
        """What may be shown now. Once `found`, nothing more is."""
        if self.found:
            return ""
        text = self._held + text
        ends = [at for one in self._sequences if (at := text.find(one)) >= 0]
        if ends:
            self.found, self._held = True, ""
            return text[: min(ends)]
        keep = max((_overlap(text, one) for one in self._sequences), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was held back, when the answer ends."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, sequence: str) -> int:
    """Length of the longest end of `text` that begins `sequence`."""
    most = min(len(text), len(sequence) - 1)
    return next((size for size in range(most, 0, -1) if sequence.startswith(text[-size:])), 0)
