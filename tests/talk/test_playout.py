"""The ledger of what was heard, as a pure function of time."""

from __future__ import annotations

import pytest

from nexus_voice.core.audio import Mark
from nexus_voice.talk.playout import Span, whole_words

TEXT = "It will be sunny all day."


def test_whole_pieces_then_whole_words() -> None:
    span = Span(TEXT, TEXT, start=1.0, end=3.0)
    assert span.heard(0.5, 3.0) == ""
    assert span.heard(2.0, 3.0) == "It will be"
    assert span.heard(3.0, 3.0) == TEXT


def test_word_times_are_exact_where_the_voice_gives_them() -> None:
    marks = [Mark(0.2, 2), Mark(0.9, 7), Mark(1.0, 10)]
    span = Span(TEXT, TEXT, start=1.0, end=3.0, marks=marks)
    assert span.heard(1.1, 3.0) == ""
    assert span.heard(1.3, 3.0) == "It"
    assert span.heard(1.95, 3.0) == "It will"


def test_a_sentence_still_being_synthesised_has_no_known_length() -> None:
    """Its length is what there is, or 14 characters a second, whichever is more."""
    span = Span(TEXT, TEXT, start=0.0)
    assert span.heard(0.9, known=0.9) == "It will be"
    assert span.heard(1.0, known=99.0) == ""


@pytest.mark.parametrize("length", range(30))
def test_a_cut_word_was_not_heard(length: int) -> None:
    part = whole_words(TEXT, length)
    assert TEXT.startswith(part)
    assert part == TEXT or TEXT[len(part)].isspace() or not part
