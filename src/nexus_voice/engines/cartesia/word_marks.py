"""From a voice's word times to places in the sentence that it was given."""

from __future__ import annotations

from ...core.audio import Mark

AHEAD = 40
"""Letters that may be passed over in search of a word: the voice read them as something else."""
TELLING = 3
"""Letters of a word that can be searched for; shorter ones are found everywhere."""


class WordMarks:
    """Fed with the words in order, however the voice splits, joins, marks or capitalises them.

    Letters and digits alone are compared. A word that is not found ("20" said as "twenty") gives no
    mark; the next one that is catches up.
    """

    def __init__(self, sentence: str) -> None:
        letters = [(letter, at + 1) for at, written in enumerate(sentence) for letter in _letters(written)]
        self._sentence = sentence
        self._text = "".join(letter for letter, _ in letters)
        self._ends = [end for _, end in letters]
        self._said = 0
        self._at = 0.0

    def mark(self, word: str, end: float) -> Mark | None:
        """The mark for `word`, said by `end` seconds. Marks never go backwards."""
        letters = "".join(_letters(word))
        if not letters or (found := self._find(letters)) < 0:
            return None
        self._said = found + len(letters)
        self._at = max(self._at, end)
        return Mark(self._at, self._with_signs(self._ends[self._said - 1]))

    def _find(self, letters: str) -> int:
        """Where `letters` come next, -1 if nowhere near."""
        if self._text.startswith(letters, self._said) or len(letters) < TELLING:
            return self._text.find(letters, self._said, self._said + len(letters))
        return self._text.find(letters, self._said, self._said + AHEAD + len(letters))

    def _with_signs(self, chars: int) -> int:
        """`chars` and the punctuation that follows."""
        rest = self._sentence[chars:]
        word = rest.split(maxsplit=1)[0] if rest and not rest[0].isspace() else ""
        return chars + len(word) if not any(_letters(word)) else chars


def _letters(text: str) -> list[str]:
    return [letter for letter in text.casefold() if letter.isalnum()]
