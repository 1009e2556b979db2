"""How rankings are put together, and what a passage is worth."""

import pytest

from nexus_voice.knowledge.search.coverage import coverage, weights
from nexus_voice.knowledge.search.retrieval import fused, relevance


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


def test_words_decide_between_chunks_of_the_same_meaning_and_the_other_way_round() -> None:
    held, near = {1: 1.0, 2: 1.0}, {1: 0.5, 2: 0.5}
    assert fused({1: 8.0, 2: 2.0}, held, near)[1] > fused({1: 8.0, 2: 2.0}, held, near)[2]
    worth = fused({1: 8.0}, {1: 0.1, 2: 0.0}, {1: 0.2, 2: 0.9})
    assert worth[2] > worth[1]
    assert fused({1: 80.0}, held, near) == fused({1: 8.0}, held, near)
    assert fused({}, {2: 0.0}, {2: 0.5}) == {2: pytest.approx(0.375)}


def test_a_group_of_signs_across_two_words_does_not_count() -> None:
    seen = weights(["钥匙", "匙放", "备用"], 100, [20, 0, 3])
    assert seen.keys() == {"钥匙", "备用"}
    assert coverage(seen, "备用钥匙在这里") == pytest.approx(1)
    assert weights(["仓库"], 100, [5])["仓库"] > sum(weights(["仓库", "库房"], 100, [5, 5]).values()) / 2
