"""Sums as people type and say them: "what is 17 percent of 80?". Nothing is ever evaluated as code.

A recursive descent over numbers and operators, with exact fractions. It knows + - * /, percent, powers,
square roots and brackets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

MAX_CHARS = 200
"""Characters of a question that can still be a sum."""
MAX_DEPTH = 20
"""Brackets within brackets, and powers of powers."""
MAX_BITS = 4_096
"""Size of the largest number worked with."""
MIN_SHOWN = Fraction(1, 10**9)
"""A smaller result is called "very close to 0"."""
MAX_REPEATED_TOKENS = 12
"""A longer sum is not repeated in the answer."""


def _numbered(words: str, first: int, step: int) -> dict[str, int]:
    return {word: value * step for value, word in enumerate(words.split(), first)}


ONES = _numbered(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
    0,
    1,
)
TENS = _numbered("twenty thirty forty fifty sixty seventy eighty ninety", 2, 10)
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
PARTS = {"half": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifth": 5, "fifths": 5}
DIGITS = ONES | {"oh": 0, "o": 0}

_FIGURES = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+")
_ANY_NUMBER = re.compile(rf"\d|\b(?:{'|'.join([*ONES, *TENS, *PARTS])})\b")
_BEFORE = re.compile(
    r"(?:(?:hey|ok|okay|so|and|now|please|can you|could you|would you|tell me|do you know|calculate|compute|"
    r"evaluate|work out|solve|figure out|how much (?:is|are|does|makes?)|how many (?:is|are)"
    r"|what(?: is|'s|s| are| does| do you get (?:if|when) you)?|the (?:result|value) of)\b[\s,:]*)+"
)
_AFTER = re.compile(r"(?:[\s?.!=,]|\b(?:equals?|equal to|is|make|makes|give|gives|please|now))+$")
_VERB_FIRST: tuple[tuple[str, str], ...] = (
    (r"(?:add|the sum of) (.+) (?:and|to) (.+)", r"(\1) + (\2)"),
    (r"subtract (.+) from (.+)", r"(\2) - (\1)"),
    (r"multiply (.+) (?:by|and|with) (.+)", r"(\1) * (\2)"),
    (r"divide (.+) by (.+)", r"(\1) / (\2)"),
)
_OPERATORS: tuple[tuple[str, str], ...] = (
    (r"(?:the )?square root(?: of)?|√|\bsqrt\b", " sqrt "),
    (r"\b(?:multiplied by|times)\b|[×·]", " * "),
    (r"(?<=[\d\s])x(?=[\d\s])", " * "),
    (r"\bdivided by\b|\bover\b|÷", " / "),
    (r"\b(?:raised )?to the power(?: of)?\b|\*\*", " ^ "),
    (r"\bsquared\b|²", " ^ 2 "),
    (r"\bcubed\b|³", " ^ 3 "),
    (r"\bper ?cent\b", " % "),
    (r"\bplus\b", " + "),
    (r"\b(?:minus|negative)\b|[−–]", " - "),
)
_TOKEN = re.compile(rf"{_FIGURES.pattern}|[a-z]+|\S")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{2,4}")
_ALOUD = {
    "+": "plus", "-": "minus", "*": "times", "/": "divided by", "^": "to the power of", "%": "percent",
    "sqrt": "the square root of", "of": "of",
}  # fmt: skip

Tokens = list[str | Fraction]


def calculate(expression: str) -> str | None:
    """The value of `expression`, formatted to be read or said; None when it is no sum."""
    found = _solve(expression)
    return found[1] if found else None


def answer(question: str) -> str | None:
    """A sentence that repeats the sum and gives its value, "12 times 9 is 108."; None as above."""
    found = _solve(question)
    if found is None:
        return None
    tokens, result = found
    if "(" in tokens or len(tokens) > MAX_REPEATED_TOKENS:
        return f"That is {result}."
    sum = " ".join(_ALOUD.get(token, token) if isinstance(token, str) else _given(token) for token in tokens)
    return f"{sum[0].upper()}{sum[1:].replace(' percent', '%')} is {result}."


def show(value: Fraction) -> str:
    """ "1,024", "0.125", "about 0.3333", "about 1.27 times 10 to the power of 30"."""
    size = abs(value)
    if size >= 10**15:
        power = len(str(int(size))) - 1
        return f"about {float(value / 10**power):.3g} times 10 to the power of {power}"
    if size < MIN_SHOWN:
        return "very close to 0" if value else "0"
    places = 6 if size >= 1 else 6 - math.floor(math.log10(size))
    if round(value, places) == value:
        return _decimal(value, places)
    return "about " + _decimal(round(value, places - 2), places - 2)


def _given(value: Fraction) -> str:
    shown = show(value)
    return f"{value.numerator}/{value.denominator}" if shown.startswith("about") and value < 1 else shown


def _decimal(value: Fraction, places: int) -> str:
    return f"{float(value):,.{places}f}".rstrip("0").rstrip(".")


# --- from words to numbers and operators ---------------------------------------------------------------


def _tokens(question: str) -> Tokens | None:
    """Numbers and operators; None when anything else is there."""
    text = question.lower().replace("’", "'").strip() if len(question) <= MAX_CHARS else ""
    if not _ANY_NUMBER.search(text) or _DATE.search(text):
        return None
    text = _AFTER.sub("", text)
    if lead := _BEFORE.match(text):
        text = text[lead.end() :]
    for pattern, form in _VERB_FIRST:
        if match := re.fullmatch(pattern, text):
            text = match.expand(form)
            break
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    for pattern, symbol in _OPERATORS:
        text = re.sub(pattern, symbol, text)
    words = _TOKEN.findall(text)
    tokens: Tokens = []
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


def number(words: Sequence[str], at: int = 0) -> tuple[Fraction, int] | None:
    """(value, index after it) of the number that begins at `words[at]`, in figures or in small letters: "two
    thousand and five", "three point one four", "two and a half", "three quarters", "half"."""
    whole = (Fraction(0), at) if words[at : at + 1] == ["point"] else _whole(words, at)
    if whole is None:
        return _part(words, at + (words[at : at + 1] in (["a"], ["an"])), Fraction(1))
    value, at = whole
    if value < 20 and (part := _part(words, at, value)):
        return part
    if words[at : at + 2] in (["and", "a"], ["and", "one"]) and (part := _part(words, at + 2, Fraction(1))):
        return value + part[0], part[1]
    if words[at : at + 1] == ["point"]:
        digits = ""
        while at + 1 < len(words) and DIGITS.get(words[at + 1], 10) < 10:
            digits += str(DIGITS[words[at + 1]])
            at += 1
        return (value + Fraction(int(digits), 10 ** len(digits)), at + 1) if digits else None
    return value, at


def _part(words: Sequence[str], at: int, count: Fraction) -> tuple[Fraction, int] | None:
    """`count` halves, thirds, quarters or fifths."""
    return (count / PARTS[words[at]], at + 1) if at < len(words) and words[at] in PARTS else None


def _whole(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    total, group = Fraction(0), Fraction(0)
    room, scale = 1_000, 10**15  # what may still be added to the group; the last scale word
    begun = False
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        if _FIGURES.fullmatch(word) and not begun:
            group, room = Fraction(word.replace(",", "")), 1
        elif (value := ONES.get(word, TENS.get(word))) is not None and value < room and (value or not begun):
            group, room = group + value, 10 if word in TENS else 1
        elif word == "hundred" and begun and 0 < group < 100:
            group, room = group * 100, 100
        elif word in SCALES and begun and group and SCALES[word] < scale:
            total, group, room, scale = total + group * SCALES[word], Fraction(0), 1_000, SCALES[word]
        elif word in ("a", "an") and not begun and (following == "hundred" or following in SCALES):
            group, room = Fraction(1), 1
        elif (
            word == "and"
            and (room == 100 or (total and room == 1_000))
            and (following in ONES or following in TENS)
        ):
            pass  # "one hundred and five", "two thousand and five"
        else:
            break
        begun, at = True, at + 1
    return (total + group, at) if begun else None


# --- the value -----------------------------------------------------------------------------------------


def _solve(question: str) -> tuple[Tokens, str] | None:
    tokens = _tokens(question)
    if tokens is None:
        return None
    formula = _Formula(tokens)
    try:
        value = formula.sum()
    except SyntaxError:
        return None
    except ZeroDivisionError:
        return tokens, "undefined, because nothing can be divided by zero"
    except OverflowError:
        return tokens, "too large for me"
    except ValueError:
        return tokens, "not a real number"
    return (tokens, show(value)) if formula.ended and formula.worked else None


class _Formula:
    """Each method reads one part of the formula and returns its value. Raises SyntaxError for what is no
    formula, and arithmetic's own errors."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0
        self.worked = False
        """Whether anything was computed: "five" alone is no question."""

    @property
    def ended(self) -> bool:
        return self._at == len(self._tokens)

    def sum(self) -> Fraction:
        value = self._product()
        while operator := self._take("+", "-"):
            start = self._at
            right = self._product()
            if self._at == start + 2 and self._tokens[self._at - 1] == "%":  # 80 + 15%: of the 80
                right = right * value
            value = self._made(value + right if operator == "+" else value - right)
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while operator := self._take("*", "/", "of"):
            before = self._tokens[self._at - 2]
            if operator == "of" and before != "%" and not _is_part(before):
                raise SyntaxError  # "5 of 7"
            right = self._signed()
            value = self._made(value / right if operator == "/" else value * right)
        return value

    def _signed(self) -> Fraction:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SyntaxError
        if sign := self._take("-", "+"):
            value = -self._signed() if sign == "-" else self._signed()
        elif self._take("sqrt"):
            value = self._made(_square_root(self._signed()))
        else:
            value = self._percent()
            if self._take("^"):
                value = self._made(_power(value, self._signed()))
        self._depth -= 1
        return value

    def _percent(self) -> Fraction:
        value = self._number()
        return value / 100 if self._take("%") else value

    def _number(self) -> Fraction:
        if self._take("("):
            value = self.sum()
            if not self._take(")"):
                raise SyntaxError
            return value
        if not self.ended and isinstance(token := self._tokens[self._at], Fraction):
            self._at += 1
            return token
        raise SyntaxError

    def _take(self, *wanted: str) -> str:
        if not self.ended and (token := self._tokens[self._at]) in wanted:
            self._at += 1
            return str(token)
        return ""

    def _made(self, value: Fraction) -> Fraction:
        self.worked = True
        if value.numerator.bit_length() > MAX_BITS:
            raise OverflowError
        return value


def _is_part(token: str | Fraction) -> bool:
    return isinstance(token, Fraction) and token.denominator > 1


def _square_root(value: Fraction) -> Fraction:
    root = Fraction(math.isqrt(abs(value.numerator)), math.isqrt(value.denominator))
    return root if root**2 == value else Fraction(math.sqrt(value))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator > 1:
        return Fraction(math.pow(base, exponent))
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and bits * abs(exponent) > MAX_BITS:
        raise OverflowError
    return base ** int(exponent)
