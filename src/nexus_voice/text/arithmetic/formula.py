"""Formulas: a recursive descent over numbers and operators, exact where it can be, bounded everywhere."""

from __future__ import annotations

import math
from fractions import Fraction

MOST_BITS = 4_096
"""Size of the largest number worked with."""

MAX_DEPTH = 20
"""Brackets within brackets."""

Value = Fraction | float


class Parser:
    """Recursive descent over at most a few hundred tokens. Raises SyntaxError and arithmetic's own errors."""

    def __init__(self, tokens: list[str | Fraction]) -> None:
        self.tokens, self.at = tokens, 0
        self.depth = 0
        self.worked = False  # whether anything was computed: "five" alone is no question

    def sum(self) -> Value:
        value = self.product()
        while operator := self.take("+", "-"):
            start = self.at
            right = self.product()
            if self.at == start + 2 and self.tokens[self.at - 1] == "%":  # 80 + 15%: of the 80
                right = right * value
            value = _bounded(value + right if operator == "+" else value - right)
            self.worked = True
        return value

    def product(self) -> Value:
        value = self.signed()
        while operator := self.take("*", "/", "mod", "of"):
            before = self.tokens[self.at - 2]
            if (
                operator == "of"
                and before != "%"
                and not (isinstance(before, Fraction) and before.denominator > 1)
            ):
                raise SyntaxError
            right = self.signed()
            if operator in ("/", "mod") and right == 0:
                raise ZeroDivisionError
            match operator:
                case "/":
                    value = value / right
                case "mod":
                    value = value % right
                case _:
                    value = value * right
            value, self.worked = _bounded(value), True
        return value

    def signed(self) -> Value:
        if self.take("-"):
            return -self.signed()
        if self.take("+"):
            return self.signed()
        for name, degree in (("sqrt", 2), ("cbrt", 3)):
            if self.take(name):
                self.worked = True
                return _root(self.signed(), degree)
        base = self.percent()
        if self.take("^"):
            self.worked = True
            return _power(base, self.signed())
        return base

    def percent(self) -> Value:
        value = self.atom()
        return value / 100 if self.take("%") else value

    def atom(self) -> Value:
        if self.take("("):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise SyntaxError
            value = self.sum()
            if not self.take(")"):
                raise SyntaxError
            self.depth -= 1
            return value
        if self.at < len(self.tokens) and isinstance(token := self.tokens[self.at], Fraction):
            self.at += 1
            return token
        raise SyntaxError

    def take(self, *wanted: str) -> str:
        if self.at < len(self.tokens) and (token := self.tokens[self.at]) in wanted:
            self.at += 1
            return str(token)
        return ""


def _root(value: Value, degree: int) -> Value:
    if value < 0 and degree == 2:
        raise ValueError
    exact = Fraction(value)
    parts = [round(abs(part) ** (1 / degree)) for part in (exact.numerator, exact.denominator)]
    sign = -1 if value < 0 else 1
    if Fraction(parts[0], parts[1]) ** degree == abs(exact):
        return Fraction(sign * parts[0], parts[1])
    return sign * math.pow(abs(exact), 1 / degree)


def _power(base: Value, exponent: Value) -> Value:
    if base == 0 and exponent < 0:
        raise ZeroDivisionError
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if base not in (0, 1, -1) and bits * abs(exponent) > MOST_BITS:
            raise OverflowError
        times = abs(exponent.numerator)
        power = Fraction(base.numerator**times, base.denominator**times)
        return Fraction(1) / power if exponent < 0 else power
    return math.pow(base, exponent)  # ValueError for a root of a negative number


def _bounded(value: Value) -> Value:
    if isinstance(value, Fraction) and value.numerator.bit_length() > MOST_BITS:
        raise OverflowError
    if isinstance(value, float) and not math.isfinite(value):
        raise OverflowError
    return value
