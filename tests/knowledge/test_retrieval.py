"""How rankings are put together, and what a passage is worth."""

import pytest

from nexus_voice.knowledge.search.retrieval import coverage, relevance, weights


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
