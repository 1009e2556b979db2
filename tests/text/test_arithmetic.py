"""Sums as they are typed and as they are said."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.text.arithmetic import MAX_CHARS, ONES, TENS, answer, calculate, number


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("what is twelve times nine", "108"),
        ("What's two plus two?", "4"),
        ("how much is fifteen percent of two hundred", "30"),
        ("17% of 80", "13.6"),
        ("the square root of one hundred and forty four", "12"),
        ("2^10", "1,024"),
        ("five squared", "25"),
        ("two to the power of eight", "256"),
        ("2 to the power of -2", "0.25"),
        ("twenty-one divided by seven", "3"),
        ("ten divided by three", "about 3.3333"),
        ("one million divided by a thousand", "1,000"),
        ("two and a half times four", "10"),
        ("half of fifty", "25"),
        ("three quarters of eighty", "60"),
        ("a third of nine", "3"),
        ("three point one four times two", "6.28"),
        ("point five times ten", "5"),
        ("minus five plus three", "-2"),
        ("add five and seven", "12"),
        ("subtract 5 from 12", "7"),
        ("the sum of three and four", "7"),
        ("80 + 15%", "92"),
        ("200 minus 10 percent", "180"),
        ("(3 + 4) * 5 =", "35"),
        ("2 + 3 * 4", "14"),
        ("3x4", "12"),
        ("0.1 + 0.2", "0.3"),
        ("1,234,567 × 3", "3,703,701"),
        ("2^100", "about 1.27 times 10 to the power of 30"),
        ("1 / 0", "undefined, because nothing can be divided by zero"),
        ("9^9^9^9", "too large for me"),
        ("sqrt(-4)", "not a real number"),
        ("two thousand and five plus one", "2,006"),
        ("7 - -3", "10"),
    ],
)
def test_sums(said: str, value: str) -> None:
    assert calculate(said) == value
    assert str(answer(said)).endswith(f" is {value}.")


@pytest.mark.parametrize(
    "said",
    [
        "", "five", "17%", "what is the port", "how do i add a language model", "2024-05-01", "1/2/2024",
        "what is 24/7 support", "what is five plus", "nineteen ninety plus one", "__import__('os')", "5 of 7",
        "()", "1 + ", "(" * 40 + "1 + 1" + ")" * 40, "-" * 90 + "1 + 1",
        "9" * MAX_CHARS + "+1", "import 3 + 4",
    ],
)  # fmt: skip
def test_not_a_sum(said: str) -> None:
    assert calculate(said) is None
    assert answer(said) is None


def test_the_answer_repeats_what_was_understood() -> None:
    assert answer("what is twelve times nine") == "12 times 9 is 108."
    assert answer("17 percent of 80") == "17% of 80 is 13.6."


@given(st.integers(-(10**6), 10**6), st.sampled_from("+-*"), st.integers(0, 10**6))
def test_integers_are_exact(left: int, operator: str, right: int) -> None:
    expected = {"+": left + right, "-": left - right, "*": left * right}[operator]
    assert calculate(f"{left} {operator} {right}") == f"{expected:,}"


@given(st.text(alphabet="0123456789+-*/^%().x ", max_size=60))
def test_any_formula_ends(text: str) -> None:
    found = calculate(text)
    assert found is None or found


@given(st.text(max_size=80))
def test_any_text_ends(text: str) -> None:
    assert calculate(text) is None or isinstance(calculate(text), str)


def spelled(value: int) -> str:
    """English words for 0..999,999."""
    if value < 20:
        return next(word for word, one in ONES.items() if one == value)
    if value < 100:
        tens = next(word for word, ten in TENS.items() if ten == value // 10 * 10)
        return tens + (f" {spelled(value % 10)}" if value % 10 else "")
    if value < 1000:
        return f"{spelled(value // 100)} hundred" + (f" and {spelled(value % 100)}" if value % 100 else "")
    return f"{spelled(value // 1000)} thousand" + (f" {spelled(value % 1000)}" if value % 1000 else "")


@given(st.integers(0, 999_999))
def test_spelled_numbers(value: int) -> None:
    words = spelled(value).split()
    assert number(words) == (Fraction(value), len(words))
