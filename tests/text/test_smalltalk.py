"""Small talk is answered, everything else is left to the documents."""

import pytest

from nexus_voice.text.smalltalk import ABILITIES, INTERRUPTION, WELCOME, answer


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("hello", WELCOME),
        ("Hey there!", WELCOME),
        ("good morning nexus", WELCOME),
        ("what can you do?", ABILITIES),
        ("what can i ask you", ABILITIES),
        ("how do i interrupt you", INTERRUPTION),
        ("How can I stop you while you are talking?", INTERRUPTION),
        ("thanks a lot", "You are welcome."),
        ("okay bye", "Goodbye!"),
        ("can you hear me", "Yes, I hear you."),
    ],
)
def test_replies(said: str, reply: str) -> None:
    assert answer(said, {}) == reply


@pytest.mark.parametrize("said", ["who are you", "what's your name", "are you a robot"])
def test_it_says_who_it_is(said: str) -> None:
    assert "Nexus Voice" in str(answer(said, {}))


@pytest.mark.parametrize(
    "said", ["which model are you using", "what engines do you use", "which engines are in use"]
)
def test_it_names_its_engines(said: str) -> None:
    reply = str(answer(said, {"stt": "pocketsphinx", "tts": "espeak-ng"}))
    assert reply.startswith("I hear you with pocketsphinx and speak with espeak-ng.")
    assert "no language model" in reply
    assert "no language model" in str(answer(said, {}))


def test_it_repeats_itself_when_there_is_something_to_repeat() -> None:
    assert answer("say that again", {}, "The light is green.") == "The light is green."
    assert answer("say that again", {}) is None


@pytest.mark.parametrize(
    "said",
    ["how do i stop the server", "help me install it", "are you able to export files", "what is the model",
     "", "hello world program in the manual", "which engines can i choose from"],
)  # fmt: skip
def test_questions_about_other_things_are_left_alone(said: str) -> None:
    assert answer(said, {}) is None
