"""Long texts are cut where it is heard least."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.engines.voice_orders import parts


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("One, two three. Four five, " * 30, ". "),
        ('He said: "Come." And so, ' * 30, '" '),
        ("one, two three " * 30, ", "),
        ("word " * 90, " "),
        ("句子，还有。" * 60, "。"),
    ],
)
def test_after_a_sentence_a_clause_or_a_word(text: str, end: str) -> None:
    cut = list(parts(text, 100))
    assert len(cut) > 1
    assert all(part.endswith(end) for part in cut[:-1])


@given(st.text(alphabet="ab .,。\n", max_size=400), st.integers(1, 50))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, longest: int) -> None:
    cut = list(parts(text, longest))
    assert "".join(cut) == text
    assert all(0 < len(part) <= longest for part in cut[:-1])
    assert len(cut[-1]) <= longest
