"""Plain arithmetic, in figures or in spoken words. A small parser: nothing is ever evaluated as code."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from .formula import Parser, Value
from .numerals import FIGURES, number

LONGEST = 200
"""Characters of a question that could still be arithmetic."""

SMALLEST = Fraction(1, 10**9)

_BEFORE = re.compile(
    r"(?:(?:hey|ok|okay|so|and|now|please|can you|could you|would you|tell me|do you know|calculate|compute|"
    r"evaluate|work out|solve|figure out|how much (?:is|are|does|makes?)|how many (?:is|are)"
    r"|what(?: is|'s|s| are| does| do you get (?:if|when) you)?|the (?:result|value) of)\b[\s,:]*)+"
)
_AFTER = re.compile(r"(?:[\s?.!=,]|\b(?:equals?|equal to|is|make|makes|give|gives|please|now))+$")
_TWO_PLACES: tuple[tuple[str, str], ...] = (
    (r"add (.+) (?:and|to) (.+)", r"(\1) + (\2)"),
    (r"subtract (.+) from (.+)", r"(\2) - (\1)"),
    (r"multiply (.+) (?:by|and|with) (.+)", r"(\1) * (\2)"),
    (r"divide (.+) by (.+)", r"(\1) / (\2)"),
    (r"the sum of (.+) and (.+)", r"(\1) + (\2)"),
    (r"the product of (.+) and (.+)", r"(\1) * (\2)"),
    (r"the difference between (.+) and (.+)", r"(\1) - (\2)"),
)
_SAID: tuple[tuple[str, str], ...] = (
    (r"(?:the )?square root(?: of)?|√|\bsqrt\b", " sqrt "),
    (r"(?:the )?(?:cube|cubic|third) root(?: of)?", " cbrt "),
    (r"\b(?:multiplied by|times)\b|[×·]", " * "),
    (r"(?<=[\d\s])x(?=[\d\s])", " * "),
    (r"\bdivided by\b|\bover\b|÷", " / "),
    (r"\b(?:raised )?to the power(?: of)?\b|\*\*", " ^ "),
    (r"\bsquared\b|²", " ^ 2 "),
    (r"\bcubed\b|³", " ^ 3 "),
    (r"\bper ?cent\b", " % "),
    (r"\bplus\b", " + "),
    (r"\b(?:minus|negative)\b|[−–]", " - "),
    (r"\b(?:modulo|mod)\b", " mod "),
    (r"\b(?:open|left) (?:bracket|parenthesis)\b", " ( "),
    (r"\b(?:close|right) (?:bracket|parenthesis)\b", " ) "),
)
_TOKEN = re.compile(rf"{FIGURES.pattern}|[a-z]+|\S")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{2,4}")
_ALOUD = {
    "+": "plus", "-": "minus", "*": "times", "/": "divided by", "^": "to the power of", "%": "percent",
    "sqrt": "the square root of", "cbrt": "the cube root of", "mod": "modulo", "of": "of",
}  # fmt: skip


def calculate(expression: str) -> str | None:
    """The value of `expression`, formatted to be read or said; None when it is not arithmetic."""
    found = _solve(expression)
    return found[1] if found else None


def answer(question: str) -> str | None:
    """A sentence that repeats the sum and gives its value: "12 times 9 is 108."; None as above."""
    found = _solve(question)
    if found is None:
        return None
    tokens, result = found
    if "(" in tokens or len(tokens) > 12:
        return f"That is {result}."
    sum = " ".join(_ALOUD.get(token, token) if isinstance(token, str) else _given(token) for token in tokens)
    return f"{sum[0].upper()}{sum[1:].replace(' percent', '%')} is {result}."


def show(value: Value) -> str:
    """ "1,024", "0.125", "about 0.3333", "about 1.27 times 10 to the power of 30"."""
    exact = Fraction(value)
    size = abs(exact)
    if size >= 10**15:
        power = len(str(int(size))) - 1
        return f"about {float(exact / 10**power):.3g} times 10 to the power of {power}"
    if size < SMALLEST:
        return "very close to 0" if exact else "0"
    places = 6 if size >= 1 else 6 - math.floor(math.log10(size))
    if round(exact, places) == exact:
        return _decimal(exact, places)
    return "about " + _decimal(round(exact, places - 2), places - 2)


def _given(value: Fraction) -> str:
    shown = show(value)
    return f"{value.numerator}/{value.denominator}" if shown.startswith("about") and value < 1 else shown


def _decimal(value: Fraction, places: int) -> str:
    return f"{float(value):,.{places}f}".rstrip("0").rstrip(".")


def _solve(question: str) -> tuple[list[str | Fraction], str] | None:
    tokens = _tokens(question)
    if tokens is None:
        return None
    parser = Parser(tokens)
    try:
        value = parser.sum()
        if parser.at < len(tokens) or not parser.worked:
            return None
        return tokens, show(value)
    except SyntaxError:
        return None
    except ZeroDivisionError:
        return tokens, "undefined, because nothing can be divided by zero"
    except OverflowError:
        return tokens, "too large for me"
    except ValueError:
        return tokens, "not a real number"


def _tokens(question: str) -> list[str | Fraction] | None:
    """Numbers and operators, or None when anything else is there."""
    text = question.lower().replace("’", "'").strip()
    if len(text) > LONGEST or _DATE.search(text):
        return None
    text = _AFTER.sub("", text)
    if lead := _BEFORE.match(text):
        text = text[lead.end() :]
    for pattern, form in _TWO_PLACES:
        if match := re.fullmatch(pattern, text):
            text = match.expand(form)
            break
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    for pattern, symbol in _SAID:
        text = re.sub(pattern, symbol, text)
    words = _TOKEN.findall(text)
    tokens: list[str | Fraction] = []
    at = 0
    while at < len(words):
        if found := number(words, at):
            value, at = found
            tokens.append(value)
        elif words[at] in _ALOUD or words[at] in ("(", ")"):
            tokens.append(words[at])
            at += 1
        else:
            return None
    return tokens or None
