"""Questions about the time and the date, as people say them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from .words import bare_question

MAX_CHARS = 200
"""A longer question does not just ask the time."""
_DAYS = {
    "the day before yesterday": -2,  # before "yesterday", which it contains
    "the day after tomorrow": 2,
    "yesterday": -1,
    "today": 0,
    "tomorrow": 1,
}
_WHEN = f"(?:{'|'.join(_DAYS)})"
_IS = r"(?:'s|s| is| was| will)"
_TIME = re.compile(rf"what time (?:is it|it is)|what{_IS} (?:the )?(?:current )?time|the time|current time")
_DAY = re.compile(
    rf"(?:what|which) (?:day|date)(?: of the (?:week|month|year))?{_IS}(?: it)?"
    rf"(?: be)?(?: {_WHEN})?(?: be)?(?: it)?"
    rf"|what{_IS} (?:the |today )?(?:current )?(?:date|day)(?: be)?(?: of)?(?: {_WHEN})?"
    rf"|what{_IS} {_WHEN}(?:'s|s)?(?: date| day)?|(?:the )?(?:current )?date|today'?s date"
)
_NAMED = re.compile(_WHEN)
_YEAR = re.compile(rf"(?:what|which) year{_IS} (?:it|this)|what{_IS} the (?:current )?year")
_MONTH = re.compile(rf"(?:what|which) month{_IS} (?:it|this)|what{_IS} the (?:current )?month")
_NOW = re.compile(r" (?:right now|now|at the moment|currently|here)$")


def answer(question: str, now: datetime) -> str | None:
    """Answer with the time or the date; None when the question asks for something else. `now` is local
    time."""
    if len(question) > MAX_CHARS:
        return None
    asked = _NOW.sub("", bare_question(question))
    if _TIME.fullmatch(asked):
        return f"It is {now.hour % 12 or 12}:{now:%M} {'AM' if now.hour < 12 else 'PM'}."
    if _DAY.fullmatch(asked):
        found = _NAMED.search(asked)
        when = found[0] if found else "today"
        day = now + timedelta(days=_DAYS[when])
        verb = "is" if _DAYS[when] >= 0 else "was"
        return f"{when[0].upper()}{when[1:]} {verb} {day:%A}, {day.day} {day:%B} {day.year}."
    if _YEAR.fullmatch(asked):
        return f"It is {now.year}."
    return f"It is {now:%B} {now.year}." if _MONTH.fullmatch(asked) else None
