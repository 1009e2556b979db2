"""How much of a question a text holds, by the words that they have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...text.folding import is_run, signs
from ...text.words import findable, stem

MIN_SEAM_RATIO = 8
"""A group of signs says nothing if one that overlaps with it is in so many times as many chunks, or more."""


def weights(words: Sequence[str], total: int, frequencies: Sequence[int]) -> dict[str, float]:
    """How much each word's stem tells: inverse document frequency. A word in no document weighs most. Groups
    of signs that overlap weigh together as if each sign belonged to one of them."""
    weight: dict[str, float] = {}
    counts = dict(zip(words, frequencies, strict=True))
    for chain in chains(words):
        share = (len(chain) + 1) / (2 * len(chain))
        for word in without_seams(chain, counts):
            weight[stem(word)] = share * math.log(1 + (total + 0.5) / (counts[word] + 0.5))
    return weight


def chains(words: Sequence[str]) -> list[list[str]]:
    """The words, together where they are groups of signs that overlap: then they come from one run."""
    found: list[list[str]] = []
    for word in words:
        before = signs(found[-1][-1])[1:] if found and is_run(word) else []
        if before and before == signs(word)[:-1]:
            found[-1].append(word)
        else:
            found.append([word])
    return found


def without_seams(chain: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """The groups of a chain, but for those that are much rarer than one they overlap with: where two words
    meet, a group says nothing."""
    around = zip(["", *chain[:-1]], chain, [*chain[1:], ""], strict=True)
    return [
        word
        for before, word, after in around
        if counts[word] * MIN_SEAM_RATIO > max(counts.get(before, 0), counts.get(after, 0)) - 1
    ]


def coverage(weight: Mapping[str, float], *texts: str) -> float:
    """The share (0..1) of the question's words, by weight, that the texts hold together."""
    begin = tuple(known[:3] for known in weight)  # a word of the same stem begins so: few others are stemmed
    present = weight.keys() & {
        stem(word) for text in texts for word in findable(text) if word.startswith(begin)
    }
    total = sum(weight.values())
    return sum(weight[word] for word in present) / total if total else 0.0
