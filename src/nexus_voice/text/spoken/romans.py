"""Says Roman numerals in words, by what stands before them: "Henry the eighth", "World War two"."""

from __future__ import annotations

import re

from .lexicon import word_set
from .numbers import cardinal, ordinal, roman

_NUMERAL = re.compile(r"(?<![\w.,/&'’-])([IVXLCDM]{1,9})(?![\w/&])(?!-\w|\.[A-Z])")
_WORLD_WAR = re.compile(r"(?<!\w)WW(I{1,2})(?!\w)")
_EARLIER = re.compile(r"(?:[IVXLCDM]{1,9}(?:, (?:and |or )?| and | or | to | & | ?[-–] ?)){1,6}\Z")
"""Numerals of the same list: "Chapters II, III and"."""
_WORDS_BEFORE = re.compile(r"(?:[\w’'.-]{1,30},? ){1,4}\Z")
_MAX_BEFORE = 90
"""Characters before a numeral that are looked at."""

_COUNTED = word_set(
    "act annex appendix article book canto category chapter class division episode exhibit figure grade "
    "group level mark part phase psalm schedule season section stage step table tier title type unit "
    "version volume war bowl"
)
"""Nouns that are counted by cardinal numbers: "chapter four"."""
_RULERS = word_set(
    "Abdul Adrian Afonso Alexander Alfonso Alphonse Amenhotep Artaxerxes Baldwin Basil Benedict "
    "Boniface Boris Carlos Casimir Catherine Celestine Charles Christian Clement Constantine Darius "
    "David Edward Elizabeth Emmanuel Eric Eugene Felipe Ferdinand Francis Franz Frederick Friedrich "
    "Fuad Gaius George Gregory Gustav Haakon Harald Henri Henry Honorius Innocent Isabella Ivan James "
    "Joan John Joseph Juan Julius Justinian Karl Leo Leopold Louis Ludwig Manuel Margaret Margrethe "
    "Maria Mary Maximilian Mehmed Mohammed Murad Napoleon Nicholas Nikolai Olaf Oscar Otto Paul Pedro "
    "Peter Philip Philippe Pius Ptolemy Rama Rameses Ramesses Ramses Richard Robert Rudolf Rudolph "
    "Selim Seti Sigismund Sixtus Stephen Suleiman Theodosius Thomas Thutmose Umberto Urban Victor "
    "Victoria Vladimir Wilhelm Willem William Xerxes"
)
_TITLES = word_set(
    "King Queen Pope Emperor Empress Tsar Tsarina Czar Sultan Pharaoh Prince Princess Duke Kaiser Shah Saint "
    "Caliph Patriarch Archduke Lord"
)
_LEADING_ON = word_set("with for like as than when if but because to told said since while")
"""Words before a name after which "I" is the speaker: "With Mary I was happy"."""
_GOES_ON_AFTER_NAME = re.compile(
    r"(?:['’]s\b"
    r"| (?:of|was|is|had|and|to|who|died|became|ruled|reigned|by|in)\b|[,;:!?)\]…]|\.(?! ?[A-Z])|\Z)"
)
"""What follows "Charles I", where "I" is a number. Anything else may be "Like Charles I think"."""
_GOES_ON_AFTER_NOUN = re.compile(r"(?:[,;:)\]]|[.?!]?\Z|[-–]| (?:and|or|to|of|error|diabetes|trial|stud))")
_CENTURY = re.compile(r"(?: and [IVX]{1,6})? (?:century|centuries)\b")
_INFUSION = re.compile(r" (?:drip|line|fluids?|therapy|antibiotics?|infusions?|bag)\b")
_HEADING = re.compile(r"[.)] [A-Z]")


def spoken_romans(text: str) -> str:
    """Replace Roman numerals, where the words before them show that they are some."""
    return _NUMERAL.sub(_said, _WORLD_WAR.sub(r"World War \1", text))


def _said(found: re.Match[str]) -> str:
    numeral, text, end = found[1], found.string, found.end()
    number = roman(numeral)
    if not number:
        return numeral
    if numeral == "IV" and _INFUSION.match(text, end):
        return "I V"
    if _CENTURY.match(text, end) and number < 40:
        return ordinal(number)
    before = _EARLIER.sub("", text[max(0, found.start() - _MAX_BEFORE) : found.start()])
    preceding = _WORDS_BEFORE.search(before)
    words = preceding[0].split() if preceding else []
    if not words:
        heading = not before.strip() and len(numeral) > 1 and _HEADING.match(text, end)
        return cardinal(number) if heading else numeral
    last, listed = words[-1], len(before) < min(found.start(), _MAX_BEFORE)
    noun = last.lower().rstrip(".")
    if noun in _COUNTED or (noun.endswith("s") and noun[:-1] in _COUNTED):
        return _counted(numeral, number, last, _GOES_ON_AFTER_NOUN.match(text, end) is not None)
    if not last[0].isupper() or last in ("A", "An", "The") or number > 39 or last.endswith(","):
        return numeral
    ruler = any(word in _RULERS for word in words if word[0].isupper()) or any(
        word in _TITLES for word in words[:-1]
    )
    if ruler and (len(numeral) > 1 or listed or _sure(numeral, words, text, end)):
        return f"the {ordinal(number)}"
    return cardinal(number) if len(numeral) > 1 and not ruler else numeral


def _counted(numeral: str, number: int, noun: str, sure: bool) -> str:
    """Single letters may be letters ("Section C"), and "I" a person ("For my part I agree")."""
    if numeral in ("C", "D", "L", "M"):
        return numeral
    if numeral == "I" and not sure and (not noun[0].isupper() or noun == "Mark"):
        return numeral
    return cardinal(number)


def _sure(numeral: str, words: list[str], text: str, end: int) -> bool:
    """Whether one letter after a name is a number: the name is a ruler's, and no "I" goes on as a speaker."""
    previous = words[-2] if len(words) > 1 else ""
    named = (words[-1] in _RULERS and previous.lower() not in _LEADING_ON) or previous in _TITLES
    return named and numeral in "IVX" and _GOES_ON_AFTER_NAME.match(text, end) is not None
