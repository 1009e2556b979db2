"""Which quotes and brackets are open in a stretch of text."""

from __future__ import annotations

PAIRS = {
    '"': '"', "“": "”", "„": "“", "«": "»", "(": ")", "[": "]", "{": "}",
    "「": "」", "『": "』", "（": "）", "《": "》", "【": "】",
}  # fmt: skip
CLOSERS = frozenset(PAIRS.values())


class Nesting:
    def __init__(self) -> None:
        self._open: list[str] = []  # what will close each

    def __bool__(self) -> bool:
        return bool(self._open)

    def clear(self) -> None:
        self._open.clear()

    def meet(self, char: str, before: str) -> None:
        """`char` of `PAIRS` or `CLOSERS`, which comes after the character `before`."""
        if char in self._open:
            del self._open[self._open.index(char) :]
        elif char in PAIRS and not (char == '"' and before.isdigit()) and before not in (":", ";"):
            self._open.append(PAIRS[char])  # but 5" is a length, and :( a face

    def open_after(self, closers: str) -> bool:
        """Whether anything would still be open after `closers`."""
        left = list(self._open)
        for char in closers:
            if char in left:
                del left[left.index(char) :]
        return bool(left)
