"""Says dates, years, decades and ordinal numbers in words."""

from __future__ import annotations

import re

from .lexicon import MONTHS, UNITS
from .numbers import cardinal, ordinal, plural, year

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\b\.?)"
)
_YEAR = r"(?:1[0-9]|20)[0-9]{2}"
_ENDS = r"(?![\w%°$€£]|[.,:/-]?[0-9]|[-–]\w)"
_FREE = r"(?<![\w.,:/$€£-])"
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
    "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip

_ISO = re.compile(_FREE + r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ](?=[0-9]{2}:))?(?!-?[0-9]{3}|-)")
_SLASHED = re.compile(r"(?<![\w./-])([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})(?![\w/-]|[.,]?[0-9])")
_ON = re.compile(
    r"\b(on|by|since|until|before|after|due|from|dated) (?!9/11)([0-9]{1,2})/([0-9]{1,2})"
    r"(?![\w/-]|[.,]?[0-9])",
    re.I,
)
_MONTH_DAY = re.compile(
    rf"\b({_MONTH}) ([0-3]?[0-9])(?:st|nd|rd|th)?(?: ?[-–] ?([0-3]?[0-9]))?(?:,? ({_YEAR}))?{_ENDS}"
)
_DAY_MONTH = re.compile(rf"{_FREE}([0-3]?[0-9])(?:st|nd|rd|th)? (?:of )?({_MONTH})(?:,? ({_YEAR}))?{_ENDS}")
_MONTH_YEAR = re.compile(rf"\b({_MONTH}),? ({_YEAR}){_ENDS}")
_DAY_NAME = re.compile(rf"\b({'|'.join(_DAYS)})\.?,? (?=(?:[0-3]?[0-9](?:st|nd|rd|th)? )?{_MONTH})")
_RANGE = re.compile(
    rf"{_FREE}({_YEAR})(?:(-|/)| ?– ?)({_YEAR}|[0-9]{{2}}){_ENDS}"
    rf"(?! ?(?:{'|'.join(map(re.escape, UNITS))})(?!\w))"
)
_FROM_TO = re.compile(rf"\b(from|between) ({_YEAR}) (to|and|until|till) ({_YEAR}){_ENDS}", re.I)
_ALONE = re.compile(
    r"(?:\b(?:(?:in|since|until|till|circa|year|late|early|mid|copyright|back in|Class of|class of|"
    r"(?:[Ss]pring|[Ss]ummer|[Aa]utumn|[Ff]all|[Ww]inter)(?: of)?|[Cc]risis of|[Rr]evolution of) )|(?<=\())"
    r"(1[1-9][0-9]{2}|10[1-9][0-9]|20[0-9]{2})(?=[,;:.?!)\]]*(?:\Z|\s(?![a-z])|\s(?:and|or|to|the|was|were|when|as|but|he|"
    r"she|it|they|we|a|an|with|for|at|by|on|until|after|before|because|is|there|had|has|who|which|that)\b)"
    r"|[,)])",
    re.I,
)
_DECADE = re.compile(r"(?<![\w.,/$€£])((?:1[1-9]|20)[0-9])0s\b")
_SHORT_DECADE = re.compile(
    r"(?:['’]|\b(the|early|late|mid|my|your|his|her|our|their)([ -]))([2-9])0s\b", re.I
)
_ORDINAL = re.compile(r"(?<![\w.,-])([0-9]{1,3}|[0-9]{1,3},?[0-9]{3})(?:st|nd|rd|th)\b")


def _month(name: str) -> str:
    return next(month for month in MONTHS if month.startswith(name[:3]))


def _dated(month: int, day: int, years: int | None, otherwise: str) -> str:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return otherwise
    return f"{MONTHS[month - 1]} {ordinal(day)}" + (f", {year(years)}" if years else "")


def _iso(found: re.Match[str]) -> str:
    years, month, day = map(int, found.groups())
    if not 1000 <= years <= 2999:
        return found[0]
    said = _dated(month, day, years, "")
    return said + (", " if found[0][-1] in "T " else "") if said else found[0]


def _slashed(found: re.Match[str]) -> str:
    month, day, years = map(int, found.groups())
    if month > 12:
        month, day = day, month
    if years < 100:
        years += 2000 if years < 50 else 1900
    return _dated(month, day, years, found[0]) if 1000 <= years <= 2999 else found[0]


def _month_day(found: re.Match[str]) -> str:
    month, day, until, years = found.groups()
    if not 1 <= int(day) <= 31 or int(until or 1) > 31:
        return found[0]
    said = f"{_month(month)} {ordinal(int(day))}" + (f" to {ordinal(int(until))}" if until else "")
    return said + (f", {year(int(years))}" if years else "")


def _day_month(found: re.Match[str]) -> str:
    day, month, years = found.groups()
    if not 1 <= int(day) <= 31:
        return found[0]
    the = "" if found.string[max(0, found.start() - 4) : found.start()].lower() == "the " else "the "
    return f"{the}{ordinal(int(day))} of {_month(month)}" + (f", {year(int(years))}" if years else "")


def _range(found: re.Match[str]) -> str:
    first, sign, last = found.groups()
    years = int(last) - int(first[-len(last) :])
    if years < 1 or (sign == "/" and years > 1) or int(first) < 1100:
        return found[0]
    return f"{year(int(first))} to {year(int(last)) if len(last) == 4 else cardinal(int(last))}"


def _alone(found: re.Match[str]) -> str:
    return found[0][: found.start(1) - found.start()] + year(int(found[1]))


def _decade(found: re.Match[str]) -> str:
    return plural(year(10 * int(found[1])))


def _short_decade(found: re.Match[str]) -> str:
    return f"{found[1] or ''}{found[2] or ''}{plural(cardinal(10 * int(found[3])))}"


def spoken_dates(text: str) -> str:
    """Replace dates, years and ordinals, where their form or the words beside them show what they are."""
    text = _SLASHED.sub(_slashed, _ISO.sub(_iso, text))
    text = _ON.sub(
        lambda found: f"{found[1]} {_dated(int(found[2]), int(found[3]), None, f'{found[2]}/{found[3]}')}",
        text,
    )
    text = _DAY_NAME.sub(lambda found: f"{_DAYS[found[1]]}, ", text)
    text = _DAY_MONTH.sub(_day_month, _MONTH_DAY.sub(_month_day, text))
    text = _MONTH_YEAR.sub(lambda found: f"{_month(found[1])} {year(int(found[2]))}", text)
    text = _FROM_TO.sub(
        lambda found: f"{found[1]} {year(int(found[2]))} {found[3]} {year(int(found[4]))}", text
    )
    text = _ALONE.sub(_alone, _RANGE.sub(_range, text))
    text = _SHORT_DECADE.sub(_short_decade, _DECADE.sub(_decade, text))
    return _ORDINAL.sub(lambda found: ordinal(int(found[1].replace(",", ""))), text)
