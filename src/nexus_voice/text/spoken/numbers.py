"""English words for whole numbers: cardinals, ordinals, years, digits one by one.

Written here because num2words, the usual library, brings sixty languages for these few lines.
"""

from __future__ import annotations

from itertools import pairwise

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_ROMAN_SIGNS = {
    "M": 1000, "CM": 900, "D": 500, "CD": 400, "C": 100, "XC": 90, "L": 50, "XL": 40, "X": 10, "IX": 9,
    "V": 5, "IV": 4, "I": 1,
}  # fmt: skip


def cardinal(number: int) -> str:
    """42 -> "forty-two"; from 0 to 999,999."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        ten, one = divmod(number, 10)
        return _TENS[ten] + (f"-{_SMALL[one]}" if one else "")
    size, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    many, rest = divmod(number, size)
    return f"{cardinal(many)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(number: int) -> str:
    """42 -> "forty-second"; from 0 to 999,999."""
    words = cardinal(number)
    at = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[at:]
    changed = _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return words[:at] + changed


def year(number: int) -> str:
    """1905 -> "nineteen oh five", 2024 -> "twenty twenty-four"; from 1000 to 2999."""
    century, rest = divmod(number, 100)
    if century % 10 == 0 and rest < 10:  # 2005
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def digits(text: str) -> str:
    """ "505" -> "five zero five"; other characters are left out."""
    return " ".join(_SMALL[int(digit)] for digit in text if digit in "0123456789")


def plural(word: str) -> str:
    """ "ninety" -> "nineties", "sixth" -> "sixths"."""
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}{'es' if word.endswith('x') else 's'}"


def roman(text: str) -> int:
    """The number of a Roman numeral that is written as it should be; 0 for anything else."""
    values = [_ROMAN_SIGNS.get(letter, 0) for letter in text]
    number = sum(-one if one < after else one for one, after in pairwise([*values, 0]))
    return number if number > 0 and as_roman(number) == text else 0


def as_roman(number: int) -> str:
    """4 -> "IV"; from 1 to 3,999."""
    out = ""
    for sign, value in _ROMAN_SIGNS.items():
        out += sign * (number // value)
        number %= value
    return out
