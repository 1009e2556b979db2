"""Sentences into spoken words, and into the questions that they answer."""

import pytest

from nexus_voice.engines.pocketsphinx.model import pronunciation
from nexus_voice.engines.pocketsphinx.phrases import phrases
from nexus_voice.engines.pocketsphinx.spoken_forms import number, questions, words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Barge-in, explained: it's easy!", "barge in explained it's easy"),
        ("Port 8080 on 3 hosts", "port eight thousand eighty on three hosts"),
        ("`NEXUS_LLM__KIND=openai`", "nexus llm kind openai"),
        ("A café’s naïve menu", "a cafe's naive menu"),
        ("…", ""),
    ],
)
def test_words(text: str, said: str) -> None:
    assert " ".join(words(text)) == said


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "zero"),
        (19, "nineteen"),
        (40, "forty"),
        (99, "ninety nine"),
        (500, "five hundred"),
        (2_017, "two thousand seventeen"),
        (12_345, "one two three four five"),
    ],
)
def test_number(n: int, said: str) -> None:
    assert " ".join(number(n)) == said


KNOWN = {"interrupt", "use", "run", "add", "install", "pass"}


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("Add a language model", "how do i add a language model"),
        ("Interrupting the assistant", "how do i interrupt the assistant"),
        ("Using Ollama", "can i use ollama"),
        ("Running tests", "how do i run tests"),
        ("Passing arguments", "how can i pass arguments"),
        ("Configuration", "where is the configuration"),
        ("Push to talk", "what is push to talk"),
        ("Where conversations are stored", "where are conversations stored"),
        ("How does it work?", ""),
        ("To add your documents, drop them on the page.", "how do i add my documents"),
        ("You can press the stop button.", "how can i press the stop button"),
        ("Nexus Voice is a voice assistant.", "what is nexus voice"),
        ("It belongs to the user.", ""),
        ("", ""),
    ],
)
def test_questions(sentence: str, question: str) -> None:
    asked = list(questions(sentence, KNOWN.__contains__))
    assert question in asked if question else asked == []


def test_everyday_phrases_are_spoken_words() -> None:
    said = set(phrases())
    assert {"what time is it", "stop", "what can you do", "who are you"} <= said
    assert all(" ".join(words(phrase)) == phrase for phrase in said)


@pytest.mark.parametrize(
    ("phonemes", "phones"),
    [
        (["0", "l", "'A:", "m", "@"], "AA L AA M AH"),
        (["'A@", "r", ";", ",eI"], "AA R EY"),
        (["h", "'E", "untranslatable"], ""),
    ],
)
def test_pronunciation(phonemes: list[str], phones: str) -> None:
    assert pronunciation(phonemes) == phones
