"""The words that carry a text's meaning, reduced to stems, so that two texts can be compared."""

from __future__ import annotations

import re
from functools import lru_cache

from .asking_words import asked, is_japanese
from .folding import grams, is_foreign, is_run, parts, words_and_runs


def words(text: str) -> list[str]:
    """Words and numbers in small letters, without punctuation and accents. Where a script puts no spaces
    between words, each group of two or three signs counts as one."""
    found = words_and_runs(text)
    if not is_foreign(text):
        return found
    return [part for word in found for part in (grams(word) if is_run(word) else (word,))]


STOP_WORDS = frozenset(
    words(
        """a about actually again all also am an and any are aren't as at be been being but by can can't could
        couldn't did didn't do does doesn't doing don't for from get gets give go got had has hasn't have
        haven't he her here him his how how's i i'd i'll i'm i've if in into is isn't it it's its just know
        let let's like me might mine must my need of off on one or our out over own per please really shall
        she should shouldn't so some such tell than that that's the their them then there there's these they
        they're this those to too under up upon us very want was wasn't way we were weren't what what's whats
        when when's where where's which while who who's whom whose why will with won't would wouldn't you
        you'd you'll you're you've your yours"""
    )
)
"""English words of questions and grammar, which say nothing about the subject."""

BECOMES = {"iest": "y", "ies": "y", "ied": "y", "sses": "ss"}
ENDINGS = sorted(
    {*BECOMES, *words("ation ations ement ements ment ments ing ings ion ions er ers est ed es ly s e")},
    key=len,
    reverse=True,
)
"""Endings that `stem` drops or replaces by what `BECOMES` says, the longest first."""


MAX_WORD_CHARS = 40
"""A longer word is no word of a language: it has no stem, and takes no room in the cache of stems."""


def stem(word: str) -> str:
    """Strip the ending: "configures", "configured", "configuration" -> "configur". A stem need be no word."""
    return _stem(word) if len(word) <= MAX_WORD_CHARS and word.isascii() else word


@lru_cache(16_384)
def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    if word.endswith(("ss", "us", "is")):
        return word
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending) + BECOMES.get(ending, "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]  # "stopped" -> "stopp" -> "stop"
    return word.removesuffix("e") if len(word) > 4 else word


def findable(text: str) -> list[str]:
    """All words but `STOP_WORDS`, in order, repetitions kept. Of an unspaced script every sign and every
    group of two or three, so that these are there whichever of them a question looks up."""
    found = [word for word in words_and_runs(text) if word not in STOP_WORDS]
    if not is_foreign(text):
        return found
    return [part for word in found for part in (parts(word) if is_run(word) else (word,))]


def terms(text: str) -> list[str]:
    """The stems of what is `findable`."""
    return [stem(word) for word in findable(text)]


def content(text: str) -> list[str]:
    """The words of a question that tell what it is about, each once, in order: all but `STOP_WORDS`."""
    found: dict[str, None] = {}
    japanese = is_foreign(text) and is_japanese(text)
    for word in words_and_runs(text):
        if is_run(word):
            for piece in asked(word, japanese):
                found |= dict.fromkeys(grams(piece))
        elif word not in STOP_WORDS:
            found[word] = None
    return list(found)


_POLITE = re.compile(
    r"(?:(?:hey|hi|hello|ok|okay|so|well|now|and|please|excuse me|nexus|tell me|do you know|i want to know"
    r"|i would like to know|i'd like to know|(?:can|could|would|will) you(?: please)?"
    r"(?= (?:tell|explain|say)))\b ?)+(?=.)"
)


def bare_question(question: str) -> str:
    """The words of a question in lower case, without politeness such as "hey, can you please tell me"."""
    said = " ".join(words(question)).removesuffix(" please").removesuffix(" nexus")
    lead = _POLITE.match(said)
    return said[lead.end() :] if lead else said
