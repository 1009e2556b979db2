"""Measures of a ranking of documents: recall, reciprocal rank and nDCG.

They are computed as trec_eval does (linear gain, discount log2(1 + rank)), so that they compare with
published figures. `grades` maps a document's id to how well it answers the question; a document with the
grade 0, or without a grade, does not answer it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over all questions, each between 0 and 1."""

    recall_5: float
    mrr_10: float
    ndcg_10: float


def recall(ranking: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """The share of the answering documents that are among the first `k`."""
    good = {document for document, grade in grades.items() if grade > 0}
    return len(good.intersection(ranking[:k])) / len(good) if good else 0.0


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """1 / rank of the first answering document, or 0 when none is among the first `k` (Voorhees, "The
    TREC-8 Question Answering Track Report", 1999)."""
    ranks = (rank for rank, document in enumerate(ranking[:k], 1) if grades.get(document, 0) > 0)
    return 1 / next(ranks, math.inf)


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Discounted cumulated gain, divided by that of the best possible order (Järvelin and Kekäläinen,
    "Cumulated Gain-Based Evaluation of IR Techniques", ACM TOIS 20(4), 2002)."""
    best = _gain(sorted(grades.values(), reverse=True)[:k])
    return _gain([grades.get(document, 0) for document in ranking[:k]]) / best if best else 0.0


def figures(rankings: Iterable[tuple[Sequence[str], Mapping[str, int]]]) -> Figures:
    """Compute the means from each question's ranking and grades."""
    each = [
        (recall(ranking, grades, 5), reciprocal_rank(ranking, grades, 10), ndcg(ranking, grades, 10))
        for ranking, grades in rankings
    ]
    means = [sum(values) / len(each) for values in zip(*each, strict=True)] if each else [0.0] * 3
    return Figures(*means)


def _gain(grades: Iterable[int]) -> float:
    return sum(max(0, grade) / math.log2(1 + rank) for rank, grade in enumerate(grades, 1))
