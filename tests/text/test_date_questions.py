"""The time and the date, asked in many ways."""

from datetime import datetime

import pytest

from nexus_voice.text.date_questions import answer

NOW = datetime(2025, 11, 30, 15, 5)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("what time is it", "It is 3:05 PM."),
        ("What's the time?", "It is 3:05 PM."),
        ("hey nexus can you tell me what time it is please", "It is 3:05 PM."),
        ("what is the current time right now", "It is 3:05 PM."),
        ("what day is it today", "Today is Sunday, 30 November 2025."),
        ("what is today's date", "Today is Sunday, 30 November 2025."),
        ("which day of the week is it", "Today is Sunday, 30 November 2025."),
        ("whats the date", "Today is Sunday, 30 November 2025."),
        ("what's the date tomorrow", "Tomorrow is Monday, 1 December 2025."),
        ("what day will it be tomorrow", "Tomorrow is Monday, 1 December 2025."),
        ("what day was yesterday", "Yesterday was Saturday, 29 November 2025."),
        ("what day is the day after tomorrow", "The day after tomorrow is Tuesday, 2 December 2025."),
        ("what year is it", "It is 2025."),
        ("what month is it", "It is November 2025."),
    ],
)
def test_answers(asked: str, said: str) -> None:
    assert answer(asked, NOW) == said


@pytest.mark.parametrize(
    "asked",
    [
        "what is the time limit",
        "what is the date format",
        "what time does the update run",
        "when is my train",
        "",
    ],
)
def test_other_questions_are_left_alone(asked: str) -> None:
    assert answer(asked, NOW) is None


@pytest.mark.parametrize(
    ("hour", "said"), [(0, "12:05 AM"), (11, "11:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")]
)
def test_twelve_hours(hour: int, said: str) -> None:
    assert answer("what time is it", NOW.replace(hour=hour)) == f"It is {said}."
