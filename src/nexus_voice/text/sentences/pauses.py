"""Where may a sentence be broken before its end? Clause marks, conjunctions, and the length cap."""

from __future__ import annotations

import re
import unicodedata


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLAUSE_MARKS = ",;:—–-،؛，、；："
_WIDE_MARKS = "，、；："
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

CLAUSE_CONJUNCTIONS = "but|because|although|though|whereas|unless"
"""A clause follows."""
LOOSE_CONJUNCTIONS = "and|or|so|which|while|since|when|if"
"""A clause follows when one of these does:"""
_SUBJECT = re.compile(
    r"\s++(?:(?:i|you|he|she|it|we|they|there|this|that|these|those|the|an?|my|your|his|her|its|our|their|then|"
    r"can|will|is|are|was|were|has|have|had|makes?|means|would|should|could|may|might|must)\b"
    r"|[A-Z]\w*['’]\w)",
    re.IGNORECASE,
)
_LEANING = _words(
    "a an the in of to for from on at by with as even just or and not only but about than if is are be "
    "very also this that both either what know ask see like"
)
"""Words that lean on the next one: no pause after them."""

CONJUNCTION = rf" (?:(?:{CLAUSE_CONJUNCTIONS}|{LOOSE_CONJUNCTIONS})(?=[^\w'’])|\w{{0,9}}\Z)"
"""Matches at the space before a conjunction, or before a word still growing."""
_CLAUSE = re.compile(rf" (?:{CLAUSE_CONJUNCTIONS})\W")
_LOOSE = re.compile(rf" (?:{LOOSE_CONJUNCTIONS})(?=\W)")
_GROWING = re.compile(r"\s*+\w{0,9}\Z")
_NEXT = re.compile(r"\s{1,400}(\S)")


def words_in(text: str) -> int:
    """Words, or what takes as long to say: two CJK characters count as one."""
    return len(text.split()) + len(_CJK.findall(text)) // 2


def pause(text: str, start: int, mark: int, *, eager: bool) -> int | None:
    """Where to cut at the clause mark at `mark`; 0: nowhere; None: more text must be seen."""
    here, before, end = text[mark], text[mark - 1 : mark], mark + 1
    if here in _WIDE_MARKS:
        return end
    if not before or before in ".,;:-–—" or (here in "-–" and not before.isspace()):
        return 0
    name = here in ",،" and _ends_in_name(text, start, mark)
    if end == len(text):
        sure = eager and (here == "—" or (here in ",;،؛" and before.isalpha() and not name))
        return end if sure else None
    if here == "—":
        return end
    if not text[end].isspace():
        return 0
    found = _NEXT.match(text, end)
    if (name or before.isdigit() or here in "-–") and found is None:
        return None
    after = found[1] if found else ""
    if (before.isdigit() or here in "-–") and after.isdigit():  # "July 5, 2021", "5 - 3"
        return 0
    return 0 if name and after.isupper() else end  # "Paris, France"


def _ends_in_name(text: str, start: int, mark: int) -> bool:
    space = text.rfind(" ", start, mark)
    return text[space + 1 : space + 2].isupper()


def clause_start(text: str, start: int, space: int) -> int | None:
    """Where to cut before the conjunction that follows `space`; 0: nowhere; None: more must be seen."""
    before = text[start:space].split()
    if not before or before[-1].lower() in _LEANING or not before[-1][-1].isalpha():
        return 0
    if _CLAUSE.match(text, space):
        return space
    found = _LOOSE.match(text, space)
    if _GROWING.match(text, space if found is None else found.end()):
        return None
    return space if found and _SUBJECT.match(text, found.end()) else 0


def forced(text: str, start: int, limit: int, *, lines: bool = False) -> int:
    """Where to cut text that has run on to `limit`: at a space (or line) of its second half if it can."""
    half = start + (limit - start) // 2
    space = text.rfind("\n", half, limit)
    if not lines:
        space = max(space, text.rfind(" ", half, limit))
    if space > 0:
        return space
    cut = limit
    while cut > half and _joined(text[cut - 1], text[cut : cut + 1]):
        cut -= 1
    return cut if cut > half else limit  # one endless grapheme: no text of any language


def _joined(left: str, right: str) -> bool:
    """Whether two characters belong to one grapheme (the common rules of Unicode's UAX #29)."""
    if not right:
        return False
    flags = "\U0001f1e6" <= left <= "\U0001f1ff" and "\U0001f1e6" <= right <= "\U0001f1ff"
    tone = "\U0001f3fb" <= right <= "\U0001f3ff"
    return (
        unicodedata.category(right)[0] == "M"
        or "\u200d" in (left, right)
        or flags
        or tone
        or (left, right) == ("\r", "\n")
        or ("\ud800" <= left <= "\udbff" and "\udc00" <= right <= "\udfff")
    )
