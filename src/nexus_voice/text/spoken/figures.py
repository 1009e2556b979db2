"""Says figures in words: dates, times, money, ranges, quantities with units, large numbers, signs."""

from __future__ import annotations

import re
from collections.abc import Callable

from . import lexicon

_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,6}|[0-9]{1,30})(?:\.[0-9]{1,30})?"
_FREE = r"(?<![\w.,:/-])"
"""No character stands before the digits that makes them part of something larger, such as an address."""


def _any_of(signs: object) -> str:
    return "|".join(map(re.escape, sorted(signs, key=len, reverse=True)))  # type: ignore[call-overload]


_SIGN = _any_of(lexicon.CURRENCIES)
_SCALE = rf"(?:\s?({_any_of(lexicon.SCALES)})\b)?"
_UNIT = _any_of(lexicon.UNITS)
_PER = rf"(?:/({_any_of([*lexicon.UNITS, *lexicon.PER_WORDS])})(?!\w))?"

_TIME_RANGE = re.compile(_FREE + r"([0-9]{1,2}:[0-9]{2})\s?[-–]\s?(?=[0-9]{1,2}:[0-9]{2}\b)")
_TIME = re.compile(
    r"(?<![\w.:/])([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9])(?:\.[0-9]{1,9})?)?Z?(?![0-9:]|(?![ap]m\b)\w)(?:\s?([ap]\.?m\b))?",
    re.I,
)
_RATIO = re.compile(_FREE + r"([0-9]{1,4}):([0-9])(?![\w:])")
_MONEY = re.compile(
    rf"(?:\b(?:US|CA|AU))?({_SIGN})\s?({_NUMBER})(?:\s?[-–]\s?(?:{_SIGN})?({_NUMBER}))?{_SCALE}{_PER}(?!\w)"
)
_MONEY_AFTER = re.compile(rf"{_FREE}({_NUMBER})\s?({_SIGN}){_PER}(?!\w)")
_RANGE = re.compile(rf"{_FREE}({_NUMBER})(-|\s?–\s?)({_NUMBER})(?![-–/]?[0-9]|[-–]\w)")
_WORD_RANGE = re.compile(r"(?<=\w)–(?=\w)")
_SUBTRACTION = re.compile(r"(?<=[0-9]) [-−] (?=[0-9])")
_NEGATIVE = re.compile(r"(?<![^\s(\[])[-−](?=[0-9])")
_QUANTITY = re.compile(
    rf"(?<![\w.,])({_NUMBER})([\s-]?)({_UNIT}){_PER}(?!\w)"
    r"(?:(?:(?<=ft|lb|oz|hr|yd|mi)|(?<=lbs|sec|min|hrs))\.(?= [a-z]))?"
)
_THOUSANDS = re.compile(r"(?<![\w.,])([0-9]{1,4}(?:\.[0-9])?)k\b")
_FEET = re.compile(r"(?<![\w.,])([0-9]{1,2})['′’] ?([0-9]{1,2})[\"″”](?!\w)")
_TIMES = re.compile(r"(?<![\w.,])([0-9]{1,6}(?:\.[0-9]{1,3})?)x\b(?! ?[0-9])")
_GROUPED = re.compile(r"(?<![\w.,])([0-9]{1,3}(?:,[0-9]{3}){1,6})(\.[0-9]{1,30})?(?![,.]?[0-9])")
_SIZE = re.compile(r"(?<=[0-9])\s?[x×]\s?(?=[0-9])")
_FRACTION = re.compile(rf"([0-9]?)({_any_of([f for f in lexicon.FRACTIONS if len(f) == 1])})")
_POWER = re.compile(r"(?<=\w)\^(?=[\w({-])")
_ABOUT = re.compile(r"(?<!\S)~\s?(?=[0-9])")
_NUMBER_SIGN = re.compile(r"(?<!\w)#(?=[0-9])")
_LESS, _GREATER = re.compile(r"(?<!\S)<\s?(?=[0-9\s])"), re.compile(r"(?<!\S)>\s?(?=[0-9\s])")
_SIGNS = re.compile(_any_of(lexicon.SIGNS))


def _time(found: re.Match[str]) -> str:
    hour, minute, second, half = int(found[1]), int(found[2]), found[3], f" {found[4]}" if found[4] else ""
    if hour > 24:
        return found[0]
    if second and int(second):
        return f"{hour} {minute:02} and {int(second)} {lexicon.UNITS['s'][int(second) != 1]}{half}"
    if minute:
        said = f"oh {minute}" if minute < 10 else str(minute)
        return f"{hour} {said}{half}"
    if half:
        return f"{hour}{half}"
    return f"{hour} o'clock" if hour <= 12 else f"{hour} hundred"


def _money(found: re.Match[str]) -> str:
    sign, low, high, scale, per = found.groups()
    return _amount(sign, low, high, scale, per)


def _amount(sign: str, low: str, high: str | None, scale: str | None, per: str | None) -> str:
    one, many, hundredth, hundredths = lexicon.CURRENCIES[sign]
    low, tail = low.replace(",", ""), _per(per)
    if high or scale:
        until = f" to {high.replace(',', '')}" if high else ""
        return f"{low}{until}{f' {lexicon.SCALES[scale]}' if scale else ''} {many}{tail}"
    whole, _, part = low.partition(".")
    if len(part) != 2:
        return f"{low} {one if low == '1' else many}{tail}"
    cents = f"{int(part)} {hundredth if part == '01' else hundredths}"
    if not int(whole):
        return cents + tail if int(part) else f"0 {many}{tail}"
    said = f"{whole} {one if whole == '1' else many}"
    return (f"{said} and {cents}" if int(part) else said) + tail


def _per(unit: str | None) -> str:
    return f" per {lexicon.UNITS[unit][0] if unit in lexicon.UNITS else unit}" if unit else ""


def _range(found: re.Match[str]) -> str:
    low, dash, high = found.groups()
    if dash == "-":
        telephone = len(low) == 3 and len(high) == 4 and high[-2:] != "00"
        small = len(low) < 3 and len(high) < 3
        if telephone or not (small or float(low.replace(",", "")) < float(high.replace(",", ""))):
            return found[0]
    return f"{low} to {high}"


def _quantity(found: re.Match[str]) -> str:
    number, gap, unit, per = found.groups()
    if gap == "-" and len(unit) < 2:
        return found[0]
    if unit == "s" and not gap and number.endswith("0") and "." not in number and len(number) == 4:
        return found[0]  # 1000s
    one, many = lexicon.UNITS[unit]
    return f"{number}{'-' if gap == '-' else ' '}{one if number == '1' or gap == '-' else many}{_per(per)}"


def _grouped(found: re.Match[str]) -> str:
    digits, part = found[1].replace(",", ""), found[2] or ""
    number = int(digits)
    for zeros, scale in ((12, "trillion"), (9, "billion"), (6, "million")):
        if number >= 10**zeros and not part and number % 10 ** (zeros - 1) == 0:
            return f"{number / 10**zeros:.1f}".removesuffix(".0") + " " + lexicon.SCALES[scale]
    return digits + part


_PASSES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_TIME_RANGE, r"\1 to "),
    (_TIME, _time),
    (_RATIO, r"\1 to \2"),
    (_MONEY, _money),
    (_MONEY_AFTER, lambda found: _amount(found[2], found[1], None, None, found[3])),
    (_RANGE, _range),
    (_WORD_RANGE, " to "),
    (_SUBTRACTION, " minus "),
    (_NEGATIVE, "minus "),
    (_QUANTITY, _quantity),
    (_FEET, r"\1 foot \2"),
    (_TIMES, r"\1 times"),
    (_THOUSANDS, rf"\1 {lexicon.SCALES['k']}"),
    (_GROUPED, _grouped),
    (re.compile(r"(?<=[0-9])\s?×\s?(?=[0-9])"), " times "),
    (_SIZE, " by "),
    (_FRACTION, lambda found: (f"{found[1]} and " if found[1] else "") + lexicon.FRACTIONS[found[2]]),
    (_POWER, " to the power of "),
    (_ABOUT, "about "),
    (_NUMBER_SIGN, "number "),
    (_LESS, "less than "),
    (_GREATER, "greater than "),
    (_SIGNS, lambda found: f" {lexicon.SIGNS[found[0]]} "),
)
_WORTH_IT = re.compile(
    f"[0-9~#^–{re.escape(''.join({*''.join([*lexicon.SIGNS, *lexicon.FRACTIONS])} - set('-!/CF')))}]"
)
"""Any character that one of `_PASSES` looks for; most sentences have none."""


def spoken_figures(text: str) -> str:
    """Replace figures and signs by words. Plain small numbers stay figures, which every voice can read."""
    if _WORTH_IT.search(text):
        for pattern, words_for in _PASSES:
            text = pattern.sub(words_for, text)
    return text
