"""Says digit by digit what is no quantity: telephone and card numbers, codes with leading zeros."""

from __future__ import annotations

import re

from .numbers import digits

_FREE, _ENDS = r"(?<![\w.,:/+$€£-])", r"(?![\w%:/-]|[.,]?[0-9])"
_FORMS = (
    r"\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,8}\)?){2,6}",  # +44 20 7946 0958
    r"(?:1[-. ])?(?:\([0-9]{3}\)[ -]?|[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}",  # (555) 010-0199
    r"\(0[0-9]{1,5}\)(?: ?[0-9]{3,8}){1,3}",
    r"0[0-9]{1,5}(?:[ -][0-9]{3,8}){1,3}",  # 020 7946 0958
    r"[0-9]{4}(?:[ -][0-9]{4}){3}",  # the number of a card
    r"0[0-9]{1,29}",
    r"[0-9]{10,30}",
)
_NUMBER = re.compile(rf"{_FREE}(?:{'|'.join(_FORMS)}){_ENDS}")
_LOCAL = re.compile(rf"{_FREE}([0-9]{{3}})-([0-9]{{4}}){_ENDS}")
_VANITY = re.compile(
    r"(?<![\w-])1-([89][0-9]{2})-((?:[A-Z]{2,10}|[0-9]{1,4})(?:-[A-Z]{2,10}|-[0-9]{1,4}){0,2})(?![\w-])"
)
_DIALLED = re.compile(r"\b(call|dial|phone|ring|text) ([0-9]{3})(?![\w-]|[.,][0-9]| [a-z])", re.I)
_CUE = re.compile(r"\b(?:call|dial|phone|telephone|tel|fax|number|ring|text|at)\b[^.!?]{0,20}\Z", re.I)


def spoken_telephone_numbers(text: str) -> str:
    """Replace such numbers by the names of their digits, with a comma between groups."""
    text = _NUMBER.sub(_number, _VANITY.sub(_vanity, text))
    return _DIALLED.sub(lambda found: f"{found[1]} {digits(found[2])}", _LOCAL.sub(_local, text))


def _grouped(number: str) -> str:
    return ", ".join(filter(None, map(digits, re.split("[^0-9]+", number))))


def _number(found: re.Match[str]) -> str:
    number = found[0]
    if number.isdigit() and (number[0] != "0" and number.endswith("0000")):
        return number  # ten billion
    if number[0] == "+":
        return f"plus {_grouped(number)}" if sum(map(str.isdigit, number)) > 7 else number
    return _grouped(number)


def _local(found: re.Match[str]) -> str:
    """Seven digits: a range if the last is a nought and nothing else speaks for a telephone."""
    before = found.string[max(0, found.start() - 40) : found.start()]
    if found[2].endswith("0") and found[1] != "555" and not _CUE.search(before):
        return found[0]
    return _grouped(found[0])


def _vanity(found: re.Match[str]) -> str:
    area = f"{digits(found[1][0])} hundred" if found[1].endswith("00") else digits(found[1])
    rest = [digits(part) if part.isdigit() else part.capitalize() for part in found[2].split("-")]
    return ", ".join(["one", area, *rest])
