"""Writes a number as Excel shows it in a cell, by the cell's number format (ECMA-376, part 1, 18.8.31)."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from .document import flat

BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0;($#,##0)", 6: "$#,##0;($#,##0)",
    7: "$#,##0.00;($#,##0.00)", 8: "$#,##0.00;($#,##0.00)", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy",
    18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd hh:mm",
    37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)",
    41: "#,##0;(#,##0);-", 42: "$#,##0;($#,##0);-", 43: "#,##0.00;(#,##0.00);-",
    44: "$#,##0.00;($#,##0.00);-", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
"""Formats that a file names by their number alone. Excel shows 14 and 22 in the order that its user's country
is used to, which nobody knows here: they are written as ISO 8601 has them."""
MAX_FORMAT_CHARS = 255
MAX_SERIAL = 2_958_466
"""The day after 9999-12-31."""
TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]]*)\]?|(?P<general>General)'
    r"|(?P<noon>AM/PM|A/P)|(?P<exponent>E[+-]0+)|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?|e+)|(?P<digits>[0#?]+)|(?P<sign>.)",
    re.IGNORECASE | re.DOTALL,
)
CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)")
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": float.__lt__, ">": float.__gt__, "<=": float.__le__, ">=": float.__ge__, "=": float.__eq__,
    "<>": float.__ne__,
}  # fmt: skip
EXACT = Context(prec=400, rounding=ROUND_HALF_UP)

Token = tuple[str, str]
"""(what it is: one of `TOKEN`'s names, or "elapsed", or "text", which is shown as it is; its text)."""


def shown(value: float, code: str, since_1904: bool = False) -> str:
    """What a cell with this format shows. Colours, blanks for alignment and the width of the column are left
    out. Dates are counted from 1904 on a Mac of old. A value that the format cannot show comes as it is."""
    if code == "General":
        return general(value)
    sections = _sections(code)
    index = _chosen(sections, value)
    if index is None:
        return general(value)
    tokens, condition = sections[index]
    signed = value < 0 and (index == 0 or bool(condition))
    kinds = {kind for kind, _ in tokens}
    if kinds & {"date", "elapsed", "noon"}:
        text = _date(tokens, value, since_1904)
    elif "general" in kinds or "at" in kinds:
        filled = general(abs(value))
        text = "".join(filled if kind in ("general", "at") else part for kind, part in tokens)
    elif "exponent" in kinds:
        text = _scientific(tokens, abs(value))
    elif ("sign", "/") in tokens and "digits" in kinds:
        text = _fraction(tokens, abs(value))
    else:
        text = _number(tokens, abs(value))
    return flat(f"-{text}" if signed and "date" not in kinds and re.search("[1-9]", text) else text)


def words(text: str, code: str) -> str:
    """What a cell shows that holds text: a format may surround it."""
    if code in ("General", "@"):
        return text
    tokens = _sections(code)[-1][0]
    if not any(kind == "at" for kind, _ in tokens):
        return text
    return "".join(text if kind == "at" else part for kind, part in tokens)


def general(value: float) -> str:
    """A number without a format. Excel shortens long ones to the column's width; they are written in full,
    because they are likely to name something."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.12g}"


@lru_cache(maxsize=1_000)
def _sections(code: str) -> list[tuple[list[Token], tuple[str, float] | None]]:
    """Up to four of them (for what is above zero, below, zero, text), each with its condition."""
    found: list[tuple[list[Token], tuple[str, float] | None]] = []
    tokens, condition = list[Token](), None
    for match in TOKEN.finditer(code[:MAX_FORMAT_CHARS] or "General"):
        kind, text = match.lastgroup or "", match[0]
        if kind == "sign" and text == ";":
            found.append((tokens, condition))
            tokens, condition = [], None
        elif kind == "bracket":
            inside = match["bracket"]
            if inside.startswith("$"):  # a currency: [$€-407]
                tokens.append(("text", inside[1:].partition("-")[0]))
            elif inside and not inside.lower().strip("hms"):
                tokens.append(("elapsed", inside.lower()))
            elif limit := CONDITION.fullmatch(inside.strip()):
                condition = limit[1], float(limit[2].strip(".") or 0) if limit[2].count(".") < 2 else 0.0
        elif kind in ("quoted", "escaped"):
            tokens.append(("text", match[kind]))
        elif not kind:  # `_x` keeps the room of an x, `*x` fills the column
            tokens.append(("text", " " if text[0] == "_" else ""))
        elif kind == "date":
            tokens.append(("date", text.lower()))
        elif kind == "sign" and text == "@":
            tokens.append(("at", text))
        else:
            tokens.append((kind, text))
    return [*found, (tokens, condition)][:4]


def _chosen(sections: list[tuple[list[Token], tuple[str, float] | None]], value: float) -> int | None:
    """The section for a number; None if there is none."""
    numeric = [
        index
        for index, (tokens, _) in enumerate(sections)
        if index < 3 and (index == 0 or not any(kind == "at" for kind, _ in tokens))
    ]
    if any(sections[index][1] for index in numeric):
        for index in numeric:
            condition = sections[index][1]
            if condition is None or COMPARE[condition[0]](float(value), condition[1]):
                return index
        return None
    if value < 0 and len(numeric) > 1:
        return 1
    return 2 if value == 0 and len(numeric) > 2 else 0


def _number(tokens: list[Token], value: float) -> str:
    """Digits fill the places from the point outwards; what stands between the places stays there."""
    places = [index for index, (kind, _) in enumerate(tokens) if kind == "digits"]
    if not places:
        return "".join(text for _, text in tokens)
    point = next((i for i, token in enumerate(tokens) if token == ("sign", ".")), len(tokens))
    before = [index for index in places if index < point]
    commas = {index for index, token in enumerate(tokens) if token == ("sign", ",")}
    scaling = set[int]()  # commas right after the last place, or before the point, divide by a thousand
    for last in {places[-1], before[-1] if before else places[-1]}:
        after = itertools.takewhile(commas.__contains__, range(last + 1, len(tokens)))
        scaling |= set(after)
    grouped = any(before and before[0] < index < before[-1] for index in commas)
    decimals = sum(len(tokens[index][1]) for index in places if index > point)
    percent = sum(token == ("sign", "%") for token in tokens)
    exact = EXACT.create_decimal(repr(value)).scaleb(2 * percent - 3 * len(scaling), EXACT)
    whole, _, part = f"{exact.quantize(Decimal(1).scaleb(-decimals), context=EXACT):f}".partition(".")
    digits = whole.lstrip("0")
    out = dict[int, str]()
    done = 0  # digits to the right of the place that is filled next
    for index in reversed(before):
        filled = list[str]()
        for n, place in enumerate(reversed(tokens[index][1])):
            first = index == before[0] and n == len(tokens[index][1]) - 1
            left = digits[: max(len(digits) - done, 0)]
            if left:
                taken = left if first else left[-1]
            else:
                taken = "0" if place == "0" else " " if place == "?" else ""
            for digit in reversed(taken):
                if grouped and done and done % 3 == 0 and digit.isdigit():
                    filled.append(",")
                filled.append(digit)
                done += digit.isdigit()
        out[index] = "".join(reversed(filled))
    for index in (index for index in places if index > point):
        pattern = tokens[index][1]
        taken, part = part[: len(pattern)], part[len(pattern) :]
        if not part.strip("0"):
            least = max(pattern.rfind("0"), pattern.rfind("?")) + 1
            taken = taken[: max(least, len(taken.rstrip("0")))]
        out[index] = taken
    hidden = scaling | {index for index in commas if grouped and index < point}
    return "".join(out.get(i, "" if i in hidden else text) for i, (_, text) in enumerate(tokens))


def _scientific(tokens: list[Token], value: float) -> str:
    at = next(index for index, (kind, _) in enumerate(tokens) if kind == "exponent")
    sign, width = tokens[at][1][1], len(tokens[at][1]) - 2
    point = next((i for i, token in enumerate(tokens[:at]) if token == ("sign", ".")), at)
    step = max(sum(len(text) for kind, text in tokens[:point] if kind == "digits"), 1)
    decimals = sum(len(text) for kind, text in tokens[point:at] if kind == "digits")
    exponent = int(f"{value:e}".partition("e")[2]) // step * step if value else 0
    if float(f"{value / 10.0**exponent:.{decimals}f}") >= 10**step:
        exponent += step
    mantissa = _number(tokens[:at], float(value) / 10.0**exponent)
    shown = f"E{'-' if exponent < 0 else '+' if sign == '+' else ''}{abs(exponent):0{width}d}"
    return mantissa + shown + "".join(text for _, text in tokens[at + 1 :])


def _fraction(tokens: list[Token], value: float) -> str:
    slash = tokens.index(("sign", "/"))
    under = "".join(text for _, text in tokens[slash + 1 : slash + 4]).strip()
    fixed = re.match(r"[1-9]\d*", under)
    over = [index for index, (kind, _) in enumerate(tokens[:slash]) if kind == "digits"]
    whole = int(value) if len(over) > 1 else 0
    rest = Fraction(value) - whole
    if fixed:
        bottom = int(fixed[0])
        top = int(rest * bottom + Fraction(1, 2))
    else:
        places = min(len(re.match(r"[0#?]*", under)[0]) or 1, 6)  # type: ignore[index]
        near = rest.limit_denominator(10**places - 1)
        top, bottom = near.numerator, near.denominator
    if top == bottom and len(over) > 1:
        whole, top = whole + 1, 0
    head = "".join(text for kind, text in tokens[: over[0]] if kind == "text") if over else ""
    tail = "".join(text for kind, text in tokens[slash + 1 :] if kind == "text" and text.strip())
    text = f"{whole or ''} {top}/{bottom}" if top else str(whole)
    return f"{head}{text.strip()}{tail}"


def _date(tokens: list[Token], value: float, since_1904: bool) -> str:
    kinds = [kind for kind, _ in tokens]
    fine = max((len(text.partition(".")[2]) for kind, text in tokens if kind == "date"), default=0)
    seconds = round(value * 86_400, min(fine, 3))
    if "elapsed" in kinds:
        return _elapsed(tokens, seconds)
    if not 0 <= value < MAX_SERIAL:  # Excel fills the cell with ####
        return general(value)
    start = dt.datetime(1904, 1, 1) if since_1904 else dt.datetime(1899, 12, 30 if value >= 61 else 31)
    when = start + dt.timedelta(seconds=seconds)
    noon = "noon" in kinds
    return "".join(
        _part(text, when, noon, _minutes(tokens, index)) if kind in ("date", "noon") else text
        for index, (kind, text) in enumerate(tokens)
    )


def _minutes(tokens: list[Token], index: int) -> bool:
    """Whether an "m" is of minutes: after hours, or before seconds."""
    before = next((t for k, t in reversed(tokens[:index]) if k in ("date", "elapsed")), "")
    after = next((t for k, t in tokens[index + 1 :] if k in ("date", "elapsed")), "")
    return before.startswith("h") or after.startswith("s")


def _part(text: str, when: dt.datetime, noon: bool, minutes: bool) -> str:
    hour = (when.hour % 12 or 12) if noon else when.hour
    match text[0], len(text):
        case "y" | "e", 1 | 2 if text[0] == "y":
            return f"{when.year % 100:02}"
        case "y" | "e", _:
            return f"{when.year:04}"
        case "m", 1 | 2 if minutes:
            return f"{when.minute:0{len(text)}}"
        case ("m", 1 | 2) | ("d", 1 | 2):
            return f"{when.month if text[0] == 'm' else when.day:0{len(text)}}"
        case "m", 3 | 5:
            return f"{when:%b}"[: 1 if len(text) == 5 else 3]
        case "m", _:
            return f"{when:%B}"
        case "d", 3:
            return f"{when:%a}"
        case "d", _:
            return f"{when:%A}"
        case "h", _:
            return f"{hour:0{min(len(text), 2)}}"
        case "s", _:
            whole, _, part = text.partition(".")
            fraction = f".{when.microsecond:06}"[: 1 + len(part)] if part else ""
            return f"{when.second:0{min(len(whole), 2)}}{fraction}"
    names = text.split("/")
    return names[when.hour >= 12]


def _elapsed(tokens: list[Token], seconds: float) -> str:
    """Hours, minutes or seconds that may be more than a day's: [h]:mm."""
    sign, seconds = "-" if seconds < 0 else "", abs(seconds)
    units, out = {"h": 3600, "m": 60, "s": 1}, [sign]
    biggest = max((units[text[0]] for kind, text in tokens if kind == "elapsed"), default=3600)
    for kind, text in tokens:
        if kind not in ("date", "elapsed") or text[0] not in units:
            out.append(text)
            continue
        count = int(seconds // units[text[0]])
        if kind == "date" and units[text[0]] < biggest:
            count %= 60
        out.append(f"{count:0{min(len(text.partition('.')[0]), 9)}}")
        if part := text.partition(".")[2]:
            out.append(f"{seconds % 1:.{min(len(part), 3)}f}"[1:])
    return "".join(out)
