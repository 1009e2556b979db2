"""Decides which hyphens at the ends of lines belong to the word: "long-term", but "refrig-eration"."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain, repeat
from pathlib import Path

from .document import Block

MARK = "\ufffe"
"""Stands in a text for a hyphen with which a line ended."""
HYPHENS = ("-", "\u2010")
_HALVES = re.compile(rf"([^\W_]+(?:[-'’][^\W_]+)*){MARK}([^\W_]+)")
_WORD = re.compile(rf"{MARK}?[^\W\d_]+(?:[-'’][^\W\d_]+)*{MARK}?")
_COMMON = {
    "en": ("the", "of", "and", "to", "is", "that"),
    "de": ("der", "die", "und", "das", "ist", "nicht"),
    "fr": ("le", "la", "les", "et", "est", "des"),
    "pt": ("o", "que", "do", "da", "um", "não"),
    "es": ("el", "la", "los", "y", "es", "del"),
    "it": ("il", "di", "che", "la", "è", "della"),
    "nl": ("de", "het", "een", "van", "en", "niet"),
}
"""Words that tell the language of a text."""
MIN_COMMON_SHARE = 0.06
"""A language's words are taken to be a text's if they are so many of it: they are 0.1 to 0.2."""
_OPEN = frozenset({"en", "fr", "pt"})
"""Languages that often write two words with a hyphen. The others write compounds in one, or have few."""
_HYPHENATED = frozenset(["self", "well", "non", "ex", "half", "quasi"])
"""First parts that keep their hyphen, unless the word is known without one."""
# fmt: off
_CLOSED = frozenset((
    "anti", "auto", "bi", "counter", "de", "dis", "electro", "fore", "hydro", "hyper", "inter",
    "intra", "macro", "mega", "micro", "mini", "mis", "mono", "multi", "out", "over", "photo",
    "poly", "pre", "pro", "pseudo", "re", "semi", "sub", "super", "tele", "thermo", "trans",
    "ultra", "un", "under",
))
# fmt: on
"""First parts that are written together with what follows, though some of them are words."""
_SUSPENDED = frozenset(["and", "or", "und", "oder", "bzw", "bis", "et", "ou", "och", "og"])
"""After these first words of a line, the hyphen stands for a word that comes later: "Vor- und Nachteile"."""


def run_on(lines: Iterable[str], gaps: Iterable[str] = ()) -> str:
    """The text of lines, with `MARK` where a hyphen ends one and a word goes on in the next. `gaps` stand
    between the others: blanks, if there are no more."""
    parts = list[str]()
    for line, gap in zip(lines, chain([""], gaps, repeat(" "))):  # noqa: B905 - as many gaps as it takes
        last = parts[-1] if parts else ""
        if last[-1:] in HYPHENS and last[-2:-1].isalnum() and line[:1].isalnum():
            parts[-1], gap = last[:-1], MARK
        parts += [gap, line]
    return "".join(parts)


def resolved(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with a hyphen or nothing for every `MARK`. The document's own words decide, then a list of
    words where there is one for its language, then a rule."""
    blocks = list(blocks)
    if not any(MARK in block.text for block in blocks):
        yield from blocks
        return
    counts = Counter[str]()
    for block in blocks:
        counts.update(word.casefold() for word in _WORD.findall(block.text) if MARK not in word)
    known = _word_list(_language(counts))
    for block in blocks:
        text = block.text
        while MARK in text:
            text, changed = _HALVES.subn(lambda found: _whole(found[1], found[2], counts, known), text)
            if not changed:
                text = text.replace(MARK, "-")
        yield block if text == block.text else replace(block, text=text)


def _whole(first: str, rest: str, counts: Counter[str], known: frozenset[str]) -> str:
    closed, open = f"{first}{rest}", f"{first}-{rest}"
    seen = counts[closed.casefold()] - counts[open.casefold()]
    if seen:
        return closed if seen > 0 else open
    part, end = first.casefold().rpartition("-")[2], rest.casefold()
    letters = part[-1].isalpha() and end[0].isalpha()
    if not letters or len(part) == 1 or (rest[0].isupper() and not first.isupper()):
        return open
    if part + end in known:
        return closed
    if end in _SUSPENDED:
        return f"{first}- {rest}"
    compound = part in known and end in known and part not in _CLOSED
    return open if part in _HYPHENATED or compound else closed


def _language(counts: Counter[str]) -> str:
    """Code of the language of a text in which the words are so frequent; "" if it is none that is known."""
    shares = {code: sum(counts[word] for word in words) for code, words in _COMMON.items()}
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] >= max(1, MIN_COMMON_SHARE * counts.total()) else ""


@lru_cache(1)
def _word_list(language: str) -> frozenset[str]:
    """Words in lower case; none where no list is needed."""
    spec = find_spec("spellchecker") if language in _OPEN else None  # only its files are read
    for folder in (spec and spec.submodule_search_locations) or ():
        data = gzip.decompress(Path(folder, "resources", f"{language}.json.gz").read_bytes())
        return frozenset(re.findall(r'"([^"]+)":', data.decode()))  # twice as fast as a JSON parser
    return frozenset()
