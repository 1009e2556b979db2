"""Rules of turn taking that need only words."""

from __future__ import annotations

import pytest

from nexus_voice.text.turn_taking import (
    MAX_SILENCE_S,
    MIN_SILENCE_S,
    PATIENCE,
    interrupts,
    is_backchannel,
    is_echo,
    is_ignorable,
    patience,
)

WINDOW = 0.5

EXAMPLES = {
    "whole command": ["stop", "yes please", "thank you"],
    "filler": ["so I wanted to um", "uh", "what is the, you know"],
    "ellipsis or comma": ["if it rains,", "right then...", "the thing is…"],
    "digits being read out": ["my number is four one five", "it is 0 3 0", "call 555", "room 12"],
    "unfinished phrase": [
        "tell me about the",
        "I would like to know how",
        "can you",
        "is it in",
        "and then my",
    ],
    "question mark": ["what time is it?", "really?"],
    "complete question": [
        "how do I add a language model",
        "what will the weather be like",
        "and where is the nearest shop",
    ],
}


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule in EXAMPLES for text in EXAMPLES[rule]])
def test_each_rule_of_the_table(rule: str, text: str) -> None:
    first = next(name for name, pattern, _ in PATIENCE if pattern.search(text))
    assert first == rule


def test_every_rule_has_its_examples() -> None:
    assert [name for name, _, _ in PATIENCE] == list(EXAMPLES)


def test_waits_longer_after_what_cannot_end_here_and_shorter_after_what_is_complete() -> None:
    assert patience("tell me about the", WINDOW) > WINDOW
    assert patience("how do I add a language model", WINDOW) < WINDOW
    assert patience("the weather tomorrow", WINDOW) == WINDOW
    assert patience("", WINDOW) == WINDOW


@pytest.mark.parametrize("window", [0.0, 0.1, 0.32, 0.5, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("text", [text for texts in EXAMPLES.values() for text in texts])
def test_the_window_is_bounded(text: str, window: float) -> None:
    assert MIN_SILENCE_S <= patience(text, window) <= max(MAX_SILENCE_S, window)


@pytest.mark.parametrize("text", ["mm-hm", "Mm-hm.", "uh-huh", "yeah", "okay, right", "I see", "got it", ""])
def test_backchannels_do_not_take_the_floor(text: str) -> None:
    assert is_backchannel(text)
    assert is_ignorable(text, floor_taken=True)


@pytest.mark.parametrize(
    "text", ["stop", "no", "wait", "yes but tell me more", "what about tomorrow", "はい"]
)
def test_words_that_mean_something_do(text: str) -> None:
    assert not is_ignorable(text, floor_taken=True)
    assert interrupts(text, speaking="The weather is fine.")


def test_yes_is_an_answer_when_nobody_speaks() -> None:
    assert not is_ignorable("yes", floor_taken=False)
    assert is_ignorable(" ... ", floor_taken=False)


def test_the_assistants_own_words_are_an_echo() -> None:
    speaking = "The forecast for tomorrow looks mostly clear."
    assert is_echo("forecast for tomorrow looks", speaking)
    assert not interrupts("the forecast for tomorrow", speaking)
    assert interrupts("what about the weekend", speaking)
    assert not is_echo("tomorrow", speaking), "one word may be the user's"
