"""Sentences of finished text, and the words that count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.text.prose import sentence_spans, sentences
from nexus_voice.text.words import bare_question, content, stem, terms


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith lives in the U.S. near 3.14 Main St. and sleeps.", None),
        ("Use e.g. this one. It works.", ["Use e.g. this one.", "It works."]),
        ("Open http://a.example/x.html now. Then wait.", ["Open http://a.example/x.html now.", "Then wait."]),
        ('He said "go." Then left.', ['He said "go."', "Then left."]),
        ("- first item\n- second. With two.", ["- first item", "- second.", "With two."]),
        ("Run:\n\n    a. b. c\n\nDone.", ["Run:", "a. b. c", "Done."]),
        ("これは文です。次の文。", ["これは文です。", "次の文。"]),
        ("", []),
    ],
)
def test_sentences(text: str, parts: list[str] | None) -> None:
    assert sentences(text) == (parts if parts is not None else [text])


@given(st.text(alphabet="ab. !?\n\t。…\"'1)", max_size=200))
def test_spans_cover_everything_but_blanks_in_order(text: str) -> None:
    spans = sentence_spans(text)
    covered = [False] * len(text)
    for start, end in spans:
        assert start < end
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        for place in range(start, end):
            assert not covered[place]
            covered[place] = True
    assert all(seen or character.isspace() for seen, character in zip(covered, text, strict=True))
    assert spans == sorted(spans)


def test_forms_of_a_word_share_a_stem() -> None:
    for forms in (
        ("configure", "configures", "configured", "configuration"),
        ("stop", "stopped", "stopping", "stops"),
        ("battery", "batteries"),
        ("update", "updates", "updating"),
        ("install", "installing", "installed"),
    ):
        assert len({stem(form) for form in forms}) == 1, forms


def test_words_of_grammar_do_not_count() -> None:
    assert terms("What is the port of the server?") == terms("port, server")
    assert content("how do I what's the port PORT") == ["port"]


@pytest.mark.parametrize(
    ("said", "bare"),
    [
        ("Hey Nexus, can you please tell me the time?", "the time"),
        ("please", "please"),
        ("Okay.", "okay"),
        ("", ""),
    ],
)
def test_politeness_is_dropped(said: str, bare: str) -> None:
    assert bare_question(said) == bare
