"""Says slashes between words, units and numbers: alternatives, rates, fractions, scores."""

from __future__ import annotations

import re

from .lexicon import FRACTIONS, PER_WORDS, UNITS, word_set
from .numbers import cardinal, ordinal, plural

_KNOWN = {
    "24/7": "twenty-four seven", "9/11": "nine eleven", "and/or": "and or", "s/he": "he or she",
    "n/a": "not applicable", "N/A": "not applicable", "b/c": "because", "c/o": "care of",
}  # fmt: skip
_PRONOUNS = word_set("he she him her his hers they them their himself herself")
_OPPOSITES = word_set("yes no true false on off in out up down left right male female pass fail either or")
_FREE, _ENDS = r"(?<![\w./\\:,@+-])", r"(?![\w/\\@]|[.:,-]\w)"
_EXACT = re.compile(rf"{_FREE}(?:{'|'.join(_KNOWN)}){_ENDS}")
_RATE = re.compile(rf"{_FREE}([A-Za-zµμ°²³]{{1,7}})/([A-Za-zµμ²³]{{1,7}}){_ENDS}")
_WORDS = re.compile(rf"{_FREE}([^\W\d_][\w’'-]{{0,30}}(?:/[^\W\d_][\w’'-]{{0,30}}){{1,4}}){_ENDS}")
_NUMBERS = re.compile(rf"{_FREE}(?:([0-9]{{1,3}}) )?([0-9]{{1,4}})/([0-9]{{1,4}})(?![\w/\\@]|[.:,-][0-9])")
_DENOMINATORS = frozenset((*range(2, 10), 12, 16, 20, 32, 64))


def spoken_slashes(text: str) -> str:
    """Replace slashes between words or numbers. Paths and addresses have been replaced before."""
    if "/" not in text:
        return text
    text = _EXACT.sub(lambda found: _KNOWN[found[0]], text)
    return _NUMBERS.sub(_numbers, _WORDS.sub(_words, _RATE.sub(_rate, text)))


def _rate(found: re.Match[str]) -> str:
    one, per = found.groups()
    if one not in UNITS or (per not in UNITS and per not in PER_WORDS):
        return found[0]
    return f"{UNITS[one][1]} per {UNITS[per][0] if per in UNITS else per}"


def _words(found: re.Match[str]) -> str:
    words = found[1].split("/")
    either = all(word.lower() in _PRONOUNS for word in words) or all(
        word.lower() in _OPPOSITES for word in words
    )
    return (" or " if either else " ").join(words)


def _numbers(found: re.Match[str]) -> str:
    whole, upper, lower = found.groups()
    ahead, over, under = f"{whole} " if whole else "", int(upper), int(lower)
    if over < under and (under in _DENOMINATORS or (over == 1 and under in (10, 100))):
        joint = f"{whole} and " if whole else ""
        return joint + (FRACTIONS.get(f"{over}/{under}") or _fraction(over, under))
    if over < under:
        return f"{ahead}{upper} out of {lower}"
    return (
        f"{ahead}{upper} {lower}" if over == under or over + under == 100 else f"{ahead}{upper} over {lower}"
    )


def _fraction(over: int, under: int) -> str:
    part = ordinal(under)
    if over > 1:
        return f"{cardinal(over)} {plural(part)}"
    return f"{'an' if part[0] in 'aeio' else 'a'} {part}"
