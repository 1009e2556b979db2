"""Numbers as they are said: "two thousand and five", "minus three point one four", "half"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

ONES = {
    word: value
    for value, word in enumerate(
        re.findall(
            r"\w+",
            """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
            sixteen seventeen eighteen nineteen""",
        )
    )
}
TENS = {
    word: 10 * value
    for value, word in enumerate(
        re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety"), 2
    )
}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
PARTS = {"half": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifth": 5, "fifths": 5}
DIGITS = ONES | {"oh": 0, "o": 0}
FIGURES = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+")


def number(words: Sequence[str], at: int = 0) -> tuple[Fraction, int] | None:
    """(value, index after it) of the number that begins at `words[at]`, in figures or small letters."""
    whole = (Fraction(0), at) if words[at : at + 1] == ["point"] else _whole(words, at)
    if whole is None:
        return _part(words, at + (words[at : at + 1] in (["a"], ["an"])), Fraction(1))
    value, at = whole
    if value < 20 and (part := _part(words, at, value)):  # "three quarters"
        return part
    if words[at : at + 2] in (["and", "a"], ["and", "one"]) and (part := _part(words, at + 2, Fraction(1))):
        return value + part[0], part[1]  # "two and a half"
    if words[at : at + 1] == ["point"]:
        digits = ""
        while at + 1 < len(words) and DIGITS.get(words[at + 1], 10) < 10:
            digits += str(DIGITS[words[at + 1]])
            at += 1
        return (value + Fraction(int(digits), 10 ** len(digits)), at + 1) if digits else None
    return value, at


def _part(words: Sequence[str], at: int, count: Fraction) -> tuple[Fraction, int] | None:
    """`count` halves, thirds, quarters or fifths."""
    return (count / PARTS[words[at]], at + 1) if at < len(words) and words[at] in PARTS else None


def _whole(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    total, group = Fraction(0), Fraction(0)
    room, scale = 1_000, 10**15  # what may still be added to the group; the last scale word
    begun = False
    while at < len(words):
        word = words[at]
        if FIGURES.fullmatch(word) and not begun:
            group, room = Fraction(word.replace(",", "")), 1
        elif (value := ONES.get(word, TENS.get(word))) is not None and value < room and (value or not begun):
            group, room = group + value, 10 if word in TENS else 1
        elif word == "hundred" and begun and 0 < group < 100:
            group, room = group * 100, 100
        elif word in SCALES and begun and group and SCALES[word] < scale:
            total, group, room, scale = total + group * SCALES[word], Fraction(0), 1_000, SCALES[word]
        elif (
            word in ("a", "an")
            and not begun
            and words[at + 1 : at + 2] in (["hundred"], *([s] for s in SCALES))
        ):
            group, room = Fraction(1), 1
        elif word == "and" and (room == 100 or (total and room == 1_000)) and _small(words, at + 1):
            pass  # "one hundred and five", "two thousand and five"
        else:
            break
        begun, at = True, at + 1
    return (total + group, at) if begun else None


def _small(words: Sequence[str], at: int) -> bool:
    return at < len(words) and (words[at] in ONES or words[at] in TENS)
