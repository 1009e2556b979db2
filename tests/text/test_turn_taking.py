"""Rules of turn taking that need only words."""

from __future__ import annotations

import pytest

from nexus_voice.text.turn_taking import (
    COMPLETENESS,
    Completeness,
    beside_echo,
    completeness,
    is_backchannel,
    is_echo,
)

EXAMPLES = {
    "whole command": ["stop", "Yes, please.", "thank you", "No, thank you."],
    "filler": ["so I wanted to um", "uh", "what is the, you know", "Well, you know.", "So."],
    "ellipsis, comma or dash": ["if it rains,", "right then...", "the thing is…", "He began a com-"],
    "quantity": [
        "A table for two.",
        "Wake me at 8:30.",
        "It was built in 1889.",
        "Call me at five.",
        "more than 20",
    ],
    "digits being read out": [
        "four one",
        "My number is for 1-5.",
        "It ends in 4412.",
        "my number is four one five",
        "it is 0 3 0",
        "Call 555.",
        "It is 030-445.",
        "room 12",
    ],
    "word that ends no sentence": ["tell me about the", "What is the?", "and then my", "I need my."],
    "beginning of a question": ["can you", "Could you?", "What is?", "so how do"],
    "condition without a consequence": ["If it rains tomorrow.", "because I said so"],
    "question mark": [
        "what time is it?",
        "really?",
        "Who are you talking to?",
        "How are you?",
        "何時ですか？",
    ],
    "preposition": ["I would like to.", "Set an alarm for", "tell me about"],
    "question that ends in its verb": [
        "How large may a document be",
        "which license does the program have",
        "so what should I do",
    ],
    "unfinished phrase": ["I would like to know how", "is it in", "what I do", "and what could be"],
    "auxiliary before a full stop": ["I think it was.", "Yes, it is."],
    "full stop": [
        "The second one.",
        "If you like. We have time.",
        "Turn it on.",
        "Thank you for that.",
        "Es ist spät.",
        "很好。",
    ],
    "complete question": [
        "how do I add a language model",
        "what will the weather be like",
        "and where is the nearest shop",
    ],
}


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule in EXAMPLES for text in EXAMPLES[rule]])
def test_each_rule_of_the_table(rule: str, text: str) -> None:
    first = next(name for name, pattern, _ in COMPLETENESS if pattern.search(text))
    assert first == rule


def test_every_rule_has_its_examples() -> None:
    assert [name for name, _, _ in COMPLETENESS] == list(EXAMPLES)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Completeness.unheard),
        ("the weather tomorrow", Completeness.plain),
        ("The weather tomorrow", Completeness.open),
        ("The weather tomorrow.", Completeness.complete),
        ("天気", Completeness.plain),
    ],
)
def test_a_missing_full_stop_counts_where_sentences_are_written(text: str, found: Completeness) -> None:
    assert completeness(text) is found


def test_a_long_text_does_not_begin_where_it_is_cut() -> None:
    assert completeness("what is it like there " + "today " * 100) is Completeness.plain


def test_words_that_are_not_recognised_yet_may_change_everything() -> None:
    assert completeness("What time is it?", heard_out=False) is Completeness.coming
    assert completeness("I would like to", heard_out=False) is Completeness.coming
    assert completeness("My number is 4", heard_out=False) is Completeness.unfinished


@pytest.mark.parametrize(
    "text",
    [
        "mm-hm",
        "Mm-hmm.",
        "M H.",
        "mhmhm",
        "Uh-huh.",
        "Uh.",
        "ooh",
        "Ha ha ha ha ha!",
        "Hahahahaha",
        "Ehehe",
        "",
        "yeah",
        "okay, right",
        "I see",
        "got it",
        "Ja, genau.",
        "d'accord",
        "うん、うん",
        "はい",
    ],
)
def test_backchannels_do_not_take_the_floor(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    ["stop", "no", "wait", "yes but tell me more", "what about tomorrow", "hi", "he", "him", "a", "待って"],
)
def test_words_that_mean_something_do(text: str) -> None:
    assert not is_backchannel(text)
    assert not is_echo(text, speaking="The weather is fine.")


def test_the_assistants_own_words_are_an_echo() -> None:
    speaking = "The forecast for tomorrow looks mostly clear."
    assert is_echo("forecast for tomorrow looks", speaking)
    assert is_echo("the forecast for tomorrow", speaking)
    assert not is_echo("what about the weekend", speaking)
    assert not is_echo("tomorrow", speaking), "one word may be the user's"


def test_what_was_said_beside_an_echo_is_left_without_it() -> None:
    speaking = "The forecast for tomorrow looks mostly clear."
    assert beside_echo("cast for tomorrow stop", speaking) == "stop"
    assert beside_echo("tomorrow looks mostly uh-huh clear", speaking) == "uh-huh"
    assert beside_echo("stop", speaking) == "stop"
    assert beside_echo("for tomorrow look", speaking) == ""
    assert beside_echo("to the uh-huh", speaking) == "uh-huh"
    assert beside_echo("within 30 days in 1813", "Refunds are available within thirty days.") == "1813"
