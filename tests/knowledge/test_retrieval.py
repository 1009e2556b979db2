"""Fusion, relevance, repetition and the context's size."""

import pytest

from nexus_voice.knowledge.retrieval import CONTEXT_CHARS, coverage, fuse, relevance, select, weights
from nexus_voice.knowledge.store import Stored


def stored(id: int, text: str) -> Stored:
    return Stored(id, f"d{id}", f"Title {id}", ("Path",), f"Title {id} › Path", text, 10 * id)


def test_fusion_prefers_what_both_rankings_like() -> None:
    assert fuse([1, 2, 3], [3, 2, 9]) == [3, 2, 1, 9]
    assert fuse([5, 4], []) == [5, 4]
    assert fuse([], []) == []


def test_a_rare_word_tells_more_and_an_unknown_one_most() -> None:
    weight = weights(["port", "pump", "bluetooth"], 100, [5, 60, 0])
    assert weight["pump"] < weight["port"] < weight["bluetooth"]
    assert coverage(weight, "The ports of all pumps") == pytest.approx(
        (weight["port"] + weight["pump"]) / sum(weight.values())
    )
    assert coverage(weight, "Port", "pump and bluetooth") == pytest.approx(1)
    assert coverage({}, "anything") == 0


def test_relevance_lies_between_nothing_and_one() -> None:
    assert relevance(0, 0) == 0
    assert relevance(1, 1) == pytest.approx(1)
    assert relevance(0.5, None) == 0.5
    assert 0 < relevance(0, 0.4) < relevance(0.5, 0.4) < 1


def test_repetition_irrelevance_and_excess_are_left_out() -> None:
    first = "The blue button starts the pump and the red button stops it at once"
    ranked = [(stored(1, first), 0.9), (stored(2, first + "!"), 0.8), (stored(3, "Wash the filter"), 0.05)]
    assert [passage.document for passage in select(ranked, 5)] == ["d1"]
    long = [(stored(id, f"word{id} " * 400), 0.5) for id in range(9)]
    chosen = select(long, 5)
    assert sum(len(passage.text) for passage in chosen) <= CONTEXT_CHARS
    assert len(select([(stored(id, f"text{id}"), 0.5) for id in range(9)], 5)) == 5


def test_a_passage_says_where_it_stands() -> None:
    (passage,) = select([(stored(7, "Some text"), 0.43219)], 5)
    assert (passage.title, passage.path, passage.position, passage.score) == (
        "Title 7",
        ("Path",),
        70,
        0.4322,
    )
