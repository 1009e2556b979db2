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


@pytest.mark.parametrize(
    "said", ["who are you", "what's your name", "are you a robot", "Who made you?", "tell me about yourself"]
)
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


@pytest.mark.parametrize(
    "said",
    ["say that again", "Say that again, please.", "can you repeat that", "Could you say that more slowly?",
     "say that a little slower please", "What?", "sorry what did you say", "i didn't catch that", "again",
     "Pardon me?", "once more", "speak up", "slower"],
)  # fmt: skip
def test_it_repeats_itself(said: str) -> None:
    assert answer(said, {}, "The light is green.") == "The light is green."
    assert answer(said, {}) == "I have not said anything yet."


@pytest.mark.parametrize(
    "said",
    ["What did I just ask?", "what did i just ask you", "what was my last question", "repeat my question",
     "do you remember what I asked", "What did I say a moment ago?", "can you tell me what i asked"],
)  # fmt: skip
def test_it_knows_what_was_asked(said: str) -> None:
    assert answer(said, {}, "Blue.", ["Which colour?", "And the door?"]) == "You asked: “And the door?”"
    assert answer(said, {}) == "You have not asked me anything yet."


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Thanks so much for your help!", "You are welcome."),
        ("thank you thats all", "You are welcome."),
        ("never mind", "All right."),
        ("That's really great!", "Thank you, I am glad to hear that."),
        ("hi there how are you doing today", "I am well, thank you. What can I do for you?"),
        ("Nice to meet you", "It is nice to meet you."),
        ("Happy birthday!", "Thank you, and the same to you!"),
        ("Tell me a joke, please.", "Why did the document blush? It saw its own appendix."),
        ("could you tell me a story", "I know no songs, and no stories but those in your documents."),
    ],
)
def test_pleasantries(said: str, reply: str) -> None:
    assert answer(said, {}) == reply


@pytest.mark.parametrize(
    "said",
    ["how do i stop the server", "help me install it", "are you able to export files", "what is the model",
     "", "hello world program in the manual", "which engines can i choose from", "read the manual", "read",
     "what is new in version 2", "what did the report say", "what did i pay last year", "speak",
     "what is my question limit", "can you read pdf files", "how old is the building", "where do i live",
     "what is the last question in the quiz", "how are you installed", "what is that"],
)  # fmt: skip
def test_questions_about_other_things_are_left_alone(said: str) -> None:
    assert answer(said, {}) is None
