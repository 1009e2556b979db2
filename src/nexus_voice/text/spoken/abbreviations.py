"""Says abbreviations in words: titles, streets, companies, "e.g.", "No. 5"."""

from __future__ import annotations

import re

from .lexicon import word_set
from .numbers import cardinal, year

_TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Mx": "Mix", "Dr": "Doctor", "Prof": "Professor",
    "St": "Saint", "Gen": "General", "Col": "Colonel", "Capt": "Captain", "Lt": "Lieutenant",
    "Sgt": "Sergeant", "Rev": "Reverend", "Gov": "Governor", "Sen": "Senator", "Rep": "Representative",
    "Pres": "President", "Hon": "Honorable", "Fr": "Father", "Mt": "Mount", "Ft": "Fort",
}  # fmt: skip
_WITHOUT_STOP = word_set("Mr Mrs Ms Dr Prof")
"""Titles that the British write without a full stop."""
_STREETS = {
    "St": "Street", "Dr": "Drive", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane",
    "Ct": "Court", "Pl": "Place", "Sq": "Square", "Hwy": "Highway", "Pkwy": "Parkway",
}  # fmt: skip
_NUMBERED = {
    "no": "number", "nos": "numbers", "nr": "number", "vol": "volume", "vols": "volumes", "fig": "figure",
    "figs": "figures", "ch": "chapter", "sec": "section", "eq": "equation", "p": "page", "pp": "pages",
    "ext": "extension", "apt": "apartment", "ste": "suite", "art": "article", "ca": "circa", "c": "circa",
}  # fmt: skip
_NUMBERED_WITHOUT_STOP = word_set("vol vols fig figs pp ext apt")
_ANYWHERE = {
    "e.g": "for example", "i.e": "that is", "etc": "et cetera", "vs": "versus", "approx": "approximately",
    "dept": "department", "depts": "departments", "govt": "government", "univ": "university",
    "assn": "association", "intl": "international", "incl": "including", "excl": "excluding",
    "misc": "miscellaneous", "avg": "average", "max": "maximum", "min": "minimum",
    "temp": "temperature", "tel": "telephone",
    "cf": "compare", "et al": "and others", "a.k.a": "also known as", "viz": "namely", "resp": "respectively",
    "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire", "Inc": "Incorporated", "Ltd": "Limited",
    "Corp": "Corporation", "Co": "Company", "Bros": "Brothers", "Ave": "Avenue", "Blvd": "Boulevard",
    "Rd": "Road", "Hwy": "Highway", "vol": "volume", "vols": "volumes", "ch": "chapter",
}  # fmt: skip
"""Abbreviations with a full stop. A capital letter begins only those that have one here, or a sentence."""
_ANYWHERE_WITHOUT_STOP = {
    "vs": "versus",
    "aka": "also known as",
    "AKA": "also known as",
    "Jr": "Junior",
    "w/o": "without",
}


def _any_of(words: object) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))  # type: ignore[call-overload]


_BEFORE = r"(?<![\w.@/&-])"
_NAMED = re.compile(rf"{_BEFORE}({_any_of({**_TITLES, **_STREETS})})(?![\w/-])(?!['’]\w)(\.?)")
_NUMBER = re.compile(
    rf"{_BEFORE}({_any_of(_NUMBERED)})(\.?) ?([0-9]{{1,6}})(?![\w/:]|[.,-]?[0-9]|[-–]\w)", re.I
)
_NUMBER_BEGUN = re.compile(rf"{_BEFORE}({_any_of(_NUMBERED)})(\.?) ?(?=[0-9])", re.I)
_SHORT = re.compile(
    rf"{_BEFORE}(?:({_any_of(_ANYWHERE)})\.(?!\w)|({_any_of(_ANYWHERE_WITHOUT_STOP)})(?![\w/.]))", re.I
)
_WITH = re.compile(r"(?<!\S)w/(?=\s|\w)(?!o\b)")
_NAME_BEFORE = re.compile(
    r"\b(?!(?:The|An?|My|Our|Your|His|Her|Their|This|That|And|Or|But|If|When) )[A-Z0-9][\w’'-]{0,40} \Z"
)
_HOUSE_NUMBER = re.compile(r"\b[0-9]{1,6}[A-Za-z]?(?: [A-Z0-9][\w’'-]{0,30}){1,3} \Z")
_NAME_FOLLOWS = re.compile(r"(?: and (?:Mrs?|Ms|Dr|Prof)\b\.?)?\s{1,9}[\"“‘(]?[A-Z]")
_END = re.compile(r"[\"'”’)\]\s]{0,9}\Z")
_ON_STREET = re.compile(
    r"\b(?:at|on|to|along|off|down|near|of|from|and|into|onto) (?:[A-Z0-9][\w’'-]{0,30} ){1,3}\Z"
)
_NEW_SENTENCE = re.compile(r"\s{1,9}[A-Z]")


def spoken_abbreviations(text: str) -> str:
    """Replace abbreviations. A full stop that ends the text stays."""
    text = _NUMBER_BEGUN.sub(_before_number, _NUMBER.sub(_numbered, text))
    return _WITH.sub("with ", _SHORT.sub(_short, _NAMED.sub(_named, text)))


def _named(found: re.Match[str]) -> str:
    """A title before a name, or a street's kind after it."""
    short, stop = found.groups()
    text, end = found.string, found.end()
    before = text[max(0, found.start() - 60) : found.start()]
    name_follows = _NAME_FOLLOWS.match(text, end) is not None
    after_name = (_ON_STREET if short == "Dr" else _NAME_BEFORE).search(before) is not None
    if short in _STREETS and (_HOUSE_NUMBER.search(before) or (stop and after_name and not name_follows)):
        return _STREETS[short] + _kept_stop(stop, text, end)
    if short in _TITLES and name_follows and (stop or short in _WITHOUT_STOP):
        return _TITLES[short]
    if short == "Dr" and stop:
        return "doctor" + _kept_stop(stop, text, end)
    return found[0]


def _kept_stop(stop: str, text: str, end: int) -> str:
    return stop if _END.match(text, end) else ""


def _numbered(found: re.Match[str]) -> str:
    short, stop, number = found.groups()
    word = _numbered_word(short, stop)
    if not word or number[0] == "0":
        return found[0]
    said = year if word.lower() == "circa" and 1000 <= int(number) <= 2999 else cardinal
    return f"{word} {said(int(number))}"


def _before_number(found: re.Match[str]) -> str:
    word = _numbered_word(found[1], found[2])
    return f"{word} " if word else found[0]


def _numbered_word(short: str, stop: str) -> str:
    """ "" if it is no abbreviation here: "No 5 people", "vitamin C. 5 people"."""
    if (not stop and short.lower() not in _NUMBERED_WITHOUT_STOP) or short in ("C", "P"):
        return ""
    return _like(short, _NUMBERED[short.lower()])


def _short(found: re.Match[str]) -> str:
    text, end = found.string, found.end()
    short = found[1] or found[2]
    table = _ANYWHERE if found[1] else _ANYWHERE_WITHOUT_STOP
    name = short if short in table else short[:1].lower() + short[1:]
    if name not in table or (found[1] and name in ("min", "max") and not _is_limit(found)):
        return found[0]
    ends = found[1] and (_END.match(text, end) or (name == "etc" and _NEW_SENTENCE.match(text, end)))
    return _like(short, table[name]) + ("." if ends else "")


def _is_limit(found: re.Match[str]) -> bool:
    """Not "5 min." and not a person called Max."""
    text, start, end = found.string, found.start(), found.end()
    before, after = text[start - 2] if start > 1 else "", text[end + 1 : end + 2]
    return not before.isdigit() and (found[1][0].islower() or after.islower() or after.isdigit())


def _like(short: str, word: str) -> str:
    """`word` with a capital letter if `short` has one."""
    return word[0].upper() + word[1:] if short[0].isupper() else word
