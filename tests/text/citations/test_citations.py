"""An answer's statements and what each rests on, known while the answer is being written."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.core.chat import Passage
from nexus_voice.text.citations.citations import Citations, Evidence, Statement, supporting

PUMP = Passage("The blue button starts the pump. It runs at 230 volts and never gets hot.", "d1", "The pump")
WARRANTY = Passage("The warranty lasts two years from the day of purchase.", "d2", "Warranty")
SOURCES = (PUMP, WARRANTY)


def tokens(text: str) -> list[str]:
    """As language models write: words, blanks before them, marks of punctuation apart."""
    return re.findall(r"\s*(?:\w+|[^\w\s])", text)


def written(text: str, passages: tuple[Passage, ...] = SOURCES) -> list[tuple[str, tuple[int, ...]]]:
    citations = Citations(passages)
    parts = [citations.feed(token) for token in tokens(text)] + [citations.close()]
    statements = [one for part in parts for one in part.statements]
    assert "".join(part.text for part in parts) == "".join(one.text for one in statements)
    return [(one.text.strip(), one.sources) for one in statements]


@pytest.mark.parametrize(
    "text",
    [
        "Press it [1]. Keep the bill [2].",
        "Press it. [1] Keep the bill. [2]",
        "Press it.[1] Keep the bill.[2]",
        "[1] Press it. \n[2] Keep the bill.",
        "Press it【1】. Keep the bill (source 2).",
    ],
)
def test_each_sentence_gets_its_own_marks_wherever_they_stand(text: str) -> None:
    assert written(text) == [("Press it.", (1,)), ("Keep the bill.", (2,))]


def test_several_marks_are_joined_and_numbers_without_a_passage_dropped() -> None:
    assert written("Both do [2][1]. Yes. [1, 2] Not this [9]. Nor that [3].") == [
        ("Both do.", (2, 1)),
        ("Yes.", (1, 2)),
        ("Not this.", ()),
        ("Nor that.", ()),
    ]


def test_without_passages_no_source_is_shown_and_nothing_waits() -> None:
    citations = Citations()
    assert citations.feed("It is blue.").statements == [Statement("It is blue.")]
    assert citations.feed(" [1]").text == ""
    assert citations.close().text == ""


def test_a_mark_that_stands_for_a_word_becomes_the_title() -> None:
    assert written("According to [2], it is covered.") == [
        ("According to “Warranty”, it is covered.", (2,)),
    ]
    assert written("As stated in [8], it is.") == [("As stated in, it is.", ())]


def test_a_sentence_waits_for_its_mark_only_when_one_may_still_come() -> None:
    citations = Citations(SOURCES)
    assert citations.feed("Press the button [1]").statements == []
    assert citations.feed(".").statements == [Statement("Press the button.", (1,))]
    assert citations.feed(" Keep the bill.").statements == []
    assert citations.feed(" [2").statements == []
    assert citations.feed("]").statements == []
    assert citations.feed(" Done").statements == [Statement(" Keep the bill.", (2,))]
    assert citations.feed(" it all.").statements == []
    assert citations.pause().statements == [Statement(" Done it all.")]
    assert citations.close().statements == []


def test_the_first_words_are_spoken_early_and_the_mark_comes_with_the_rest() -> None:
    citations = Citations(SOURCES)
    parts = [citations.feed(token) for token in ("To", " start", " the", " pump", ",")]
    assert parts[-1].statements == [Statement("To start the pump,")]
    rest = [
        one
        for token in (" press", " the", " button", " [", "1", "].")
        for one in citations.feed(token).statements
    ]
    assert rest == [Statement(" press the button.", (1,))]


def test_a_sentence_that_was_not_marked_gets_the_passage_it_retells() -> None:
    assert written(
        "You start the pump with the blue button. It is made in Peru by hand. "
        "The warranty lasts for two years, counted from the purchase. Shall I start the pump?"
    ) == [
        ("You start the pump with the blue button.", (1,)),
        ("It is made in Peru by hand.", ()),
        ("The warranty lasts for two years, counted from the purchase.", (2,)),
        ("Shall I start the pump?", ()),
    ]


def test_a_sentence_that_is_spoken_in_two_pieces_is_compared_as_a_whole() -> None:
    assert written("The warranty lasts for two years, counted from the purchase.") == [
        ("The warranty lasts for two years,", ()),
        ("counted from the purchase.", (2,)),
    ]


KEPT = Passage(
    "They are kept in the folder data/knowledge, or wherever NEXUS_DATA_DIR points, in one SQLite file on "
    "your own disk. Delete the folder while the server is stopped to forget everything.",
    "d", "Knowledge", ("Where are my documents kept?",),
)  # fmt: skip
TALK = Passage(
    "Switch on “Hands-free”; the assistant then listens all the time and answers when you stop speaking. It "
    "waits half a second of silence, longer when your sentence is plainly unfinished.",
    "d", "Start", ("How do I talk hands-free?",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("passage", "sentence", "supported"),
    [
        (KEPT, "Your documents are kept in a single SQLite file in a folder on your own disk.", True),
        (KEPT, "To forget everything, stop the server and delete the folder.", True),
        (KEPT, "Your documents are kept in an encrypted PostgreSQL database on the server.", False),
        (KEPT, "I did not find where your documents are kept in the passages.", False),
        (KEPT, "The folder can be moved to another disk without stopping the server.", False),
        (KEPT, "They are not kept in one SQLite file on your own disk.", False),
        (KEPT, "On disk.", False),
        (TALK, "It waits for half a second of silence, or longer if your sentence is unfinished.", True),
        (TALK, "It waits for 2 seconds of silence, or longer if your sentence is unfinished.", False),
        (TALK, "Hands-free mode uses a wake word such as hello assistant.", False),
        (TALK, "Does the assistant listen all the time, hands-free?", False),
    ],
)
def test_only_a_sentence_that_retells_a_passage_rests_on_it(
    passage: Passage, sentence: str, supported: bool
) -> None:
    assert supporting(sentence, [Evidence.of(PUMP), Evidence.of(passage)]) == (2 if supported else 0)


PIECES = [
    "[1]",
    "[2]",
    "[9]",
    " ",
    ". ",
    "\n\n",
    "```\n",
    "pump",
    " button",
    "It",
    ", ",
    "【1】",
    "[1",
    "] ",
    "- ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.booleans())
def test_nothing_is_lost_or_said_twice(pieces: list[str], known: bool) -> None:
    citations = Citations(SOURCES if known else ())
    parts = [citations.feed(piece) for piece in pieces] + [citations.pause(), citations.close()]
    shown = "".join(part.text for part in parts)
    statements = [one for part in parts for one in part.statements]
    assert "".join(one.text for one in statements) == shown
    assert all(1 <= number <= 2 for one in statements for number in one.sources)
    assert shown.count("pump") == pieces.count("pump")
