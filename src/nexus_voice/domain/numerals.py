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
    whole = _whole(words, at)
    if whole is None:
        return _part(words, at, Fraction(1))
    value, at = whole
    if at < len(words) and words[at] in PARTS and value < 20:  # "three quarters"
        return _part(words, at, value)
    if (
        words[at : at + 2] in (["and", "a"], ["and", "one"])
        and at + 2 < len(words)
        and words[at + 2] in PARTS
    ):
        return value + Fraction(1, PARTS[words[at + 2]]), at + 3  # "two and a half"
    if at + 1 < len(words) and words[at] == "point" and words[at + 1] in DIGITS:
        digits = ""
        at += 1
        while at < len(words) and words[at] in DIGITS and DIGITS[words[at]] < 10:
            digits += str(DIGITS[words[at]])
            at += 1
        return value + (Fraction(int(digits), 10 ** len(digits)) if digits else 0), at
    return value, at


def _part(words: Sequence[str], at: int, count: Fraction) -> tuple[Fraction, int] | None:
    """ "half", "a third", "three quarters"; also "point five"."""
    if words[at : at + 1] == ["point"] and at + 1 < len(words) and words[at + 1] in DIGITS:
        return number(["zero", *words[at:]]) and _shift(number(["zero", *words[at:]]), at - 1)
    if words[at : at + 1] in (["a"], ["an"]):
        at += 1
    if at < len(words) and words[at] in PARTS:
        return count / PARTS[words[at]], at + 1
    return None


def _shift(found: tuple[Fraction, int] | None, by: int) -> tuple[Fraction, int] | None:
    return (found[0], found[1] + by) if found else None


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
        elif (
            word == "and"
            and begun
            and room >= 100
            and at + 1 < len(words)
            and (words[at + 1] in ONES or words[at + 1] in TENS)
            and (room == 100 or total)
        ):
            pass  # "one hundred and five"
        else:
            break
        begun, at = True, at + 1
    return (total + group, at) if begun else None
