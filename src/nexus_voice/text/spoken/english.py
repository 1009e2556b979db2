"""Tells English text from other languages', to which English words for figures must not be given."""

from __future__ import annotations

import re

from .lexicon import word_set

_WORD = re.compile(r"[^\W\d_]+")
_MAX_WORDS = 60
_ENGLISH = word_set(
    "the of and to is in that it for with on are was you be this as at by from or not have can your i we"
)
_OTHERS = word_set(
    "der die das und ist nicht ein eine einen dem den mit für von zu auf wird sind auch oder wie wenn "
    "bei nach le la les des du est une un et pas pour dans que qui sur avec vous il elle sont au aux ce "
    "cette el los las es una del por con para como más se su en hay son pero che di non della sono gli "
    "anche per nel più het een van niet dat voor zijn de aan ook maar wordt os não uma com mais no na "
    "do da em são og er på som det at til af ikke att är och för med jest nie się że w z oraz"
)


def is_english(text: str, language: str) -> bool:
    """Whether `text` is to be read as English. `language` is an ISO 639-1 code, or "" if it is not known.

    Text in another language may also come where English is spoken, for instance out of a document: then the
    commonest words of other languages outnumber those of English, or most letters are not Latin.
    """
    if language and not language.lower().startswith("en"):
        return False
    words = [
        word.lower()
        for word, _ in zip(map(re.Match.group, _WORD.finditer(text)), range(_MAX_WORDS), strict=False)
    ]
    foreign_letters = sum(word[0] > "\u024f" for word in words)
    others = len(_OTHERS.difference(_ENGLISH).intersection(words))
    return 2 * foreign_letters <= len(words) and (
        others < 2 or others <= sum(word in _ENGLISH for word in words)
    )
