"""The measures of a ranking, on values worked out by hand and in the literature."""

from math import log2

import pytest
from bench.ranking import Figures, figures, ndcg, recall, reciprocal_rank

GRADED = {"a": 3, "b": 2, "c": 3, "d": 0, "e": 1, "f": 2}


def test_recall_counts_what_is_among_the_first() -> None:
    assert recall(["a", "x", "b"], {"a": 1, "b": 1, "c": 1, "x": 0}, 5) == pytest.approx(2 / 3)
    assert recall(["x", "y", "a"], {"a": 1}, 2) == 0
    assert recall([], {"a": 1}, 5) == recall(["a"], {}, 5) == 0


def test_reciprocal_rank_is_that_of_the_first_answer() -> None:
    assert reciprocal_rank(["x", "y", "a", "b"], {"a": 1, "b": 2}, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "y", "a"], {"a": 1, "x": 0}, 2) == 0


def test_ndcg_of_the_usual_example() -> None:
    """Grades 3, 2, 3, 0, 1, 2 in this order, the example of most textbooks."""
    gained = 3 + 2 / log2(3) + 3 / log2(4) + 0 + 1 / log2(6) + 2 / log2(7)
    best = 3 + 3 / log2(3) + 2 / log2(4) + 2 / log2(5) + 1 / log2(6)
    assert gained == pytest.approx(6.861, abs=1e-3)
    assert ndcg(list("abcdef"), GRADED, 10) == pytest.approx(gained / best)
    assert ndcg(list("abcdef"), GRADED, 10) == pytest.approx(0.961, abs=1e-3)
    assert ndcg(list("acbfed"), GRADED, 10) == pytest.approx(1)
    assert ndcg(["d"], GRADED, 10) == 0
    assert ndcg(["x", "a"], {"a": 1}, 10) == pytest.approx(1 / log2(3))
    assert ndcg(["a"], {"a": 1, "b": 1}, 1) == 1


def test_figures_are_means_over_the_questions() -> None:
    found = figures([(["a"], {"a": 1}), (["x", "b"], {"b": 1})])
    assert found == Figures(1, pytest.approx(0.75), pytest.approx((1 + 1 / log2(3)) / 2))
    assert figures([]) == Figures(0, 0, 0)
