"""On which page of a passage a sentence stands."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.chat import Passage
from ..prose import sentences
from ..words import terms


def on_its_page(passage: Passage, said: str) -> Passage:
    """What stands on the page of the passage that says `said`; the passage itself if it has only one page."""
    pages = passage.by_page()
    return pages[holding(pages, said)]


def holding(pages: Sequence[Passage], said: str) -> int:
    """The index of the page with the text `said`, else of the one with the sentence that shares most words
    with it."""
    if len(pages) < 2:
        return 0
    plain = " ".join(said.split())
    words = frozenset(terms(said))
    best, most = 0, 0.0
    for index, page in enumerate(pages):
        if plain and plain in " ".join(page.text.split()):
            return index
        shared = max((len(words.intersection(terms(one))) for one in sentences(page.text)), default=0)
        if shared > most:
            best, most = index, shared
    return best
