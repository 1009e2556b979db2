"""A question that leans on those before it, made whole for a search: "and on Windows?" after "How do I
install it on Linux?" becomes "How do I install it on Windows?".

By rules over (English) words: a model that rewrites it would cost a voice the second it has to answer.
What comes of it is for searching; a language model is shown the conversation itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from . import dates, smalltalk
from .arithmetic import arithmetic
from .turn_ends import is_backchannel
from .words import content, words

LONGEST = 300
"""Characters of an earlier question that are kept."""
FRAGMENT = 6
"""Words of the longest piece that is no question by itself: "and for students in their last year"."""
BARE = 4
"""The same of a piece that no "and" announces: "on a Mac?"."""
OWN_WEAK, OWN_STRONG = 1, 2
"""Telling words up to which "it", or "that", points to an earlier question; with more it stands alone."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


QUESTION = _set(
    "what which who whom whose where when why how is are was were am do does did can could will would "
    "shall should may might must has have had isn't aren't doesn't don't didn't can't won't what's "
    "where's who's how's tell show give explain list describe find search look name say repeat add remove "
    "open close start stop make set turn put play help let compare write read i we you please"
)
"""How a sentence begins that asks, orders or states something by itself."""
AUXILIARY = _set(
    "is are was were do does did can could will would should may might must has have had isn't doesn't "
    "don't didn't can't won't what's where's how's why's who's"
)
PREPOSITIONS = _set(
    "on in for with without under at from of by to via using during after before per as into over through "
    "between against inside outside behind within about"
)
MOVABLE = _set("on in for with without under of using via during about")
"""After the last of these in a question stands what "what about Windows?" replaces."""
STRONG = _set("they them he she him themselves both either neither")
POINTING = _set("that this these those one ones")
"""They point to something only in some places: see `_points`."""
BEFORE_ONE = _set("which another other that this the last next first second third newer older cheaper better")
THIN = _set(
    "able allowed always back bad best better bigger cheaper come cost costs default difference different "
    "easier else enough exactly example examples expensive explain fast faster first free further good "
    "happen happened happens help important instead kind last later less limit long longer many maximum "
    "mean means minimum more most much necessary next no normal not often only option optional other "
    "others part possible quick quickly rather really reason recommended required right safe same second "
    "seconds slow slower sort still sure take takes taking thing things think third time times too true "
    "try usually use used using way ways work working works worse wrong yes yet detail details continue "
    "elaborate before after again both off without"
)
"""Words that ask about something without naming it: a question of these alone leans on another."""

_LEAD = re.compile(
    r"(?:(?:and|or|but|also|so|then|ok|okay|well|now|yes|no|um|uh|hmm|please)\b[\s,.]*)*", re.IGNORECASE
)
_LINK = re.compile(r"\b(?:and|or|but|also)\b", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:what|how) about\b|what of\b|what if (?:it|that)(?:'s| is)\b"
    r"|(?:is (?:it|that) )?the same (?:for|on|in|with)\b",
    re.IGNORECASE,
)
_OBJECT = re.compile(
    r"(?P<before>(?:(?:(?:how|where|when|why) (?:do|can|should|could|must|would)|can) (?:i|we|you|one) \w+"
    r"|how to \w+|(?:what|who|where|when)(?:'s| is| are| was| were)) ).+",
    re.IGNORECASE,
)
"""A question without a preposition, and where the thing that it asks about begins."""
_END = re.compile(r"[\s?.!…,;]+$")


@dataclass(frozen=True, slots=True)
class Topic:
    """What the conversation is about: `base` stands alone, `aside` (may be "") added to it, `filled` is the
    piece that was put into the newer of the two."""

    base: str = ""
    aside: str = ""
    filled: str = ""


def standalone(question: str, earlier: Sequence[str]) -> str:
    """The question with what it leaves unsaid, taken from `earlier` ones, oldest first. One that stands
    alone is returned as it is; so are greetings and the like, which are passed over in `earlier`."""
    topic = Topic()
    if _idle(question):
        return question
    for said in earlier:
        if not _idle(said):
            topic = _joined(said[:LONGEST].strip(), topic)[1]
    return _joined(question, topic)[0]


@lru_cache(1_024)
def _idle(said: str) -> bool:
    """Small talk, the time, a sum: no subject that a later question could be about."""
    return (
        is_backchannel(said)
        or smalltalk.answer(said, {}, "something") is not None
        or dates.answer(said, datetime.min) is not None
        or arithmetic.answer(said) is not None
    )


def _joined(said: str, topic: Topic) -> tuple[str, Topic]:
    """(the whole question, the topic after it)."""
    lead = _LEAD.match(said)
    linked = bool(lead and _LINK.search(lead[0]))
    rest = _END.sub("", said[lead.end() if lead else 0 :])
    spoken, about = words(rest), _ABOUT.match(rest)
    own = _own(rest)
    piece = rest[about.end() :].strip() if about else rest
    if about and len(own) <= OWN_STRONG + 1:
        fragment = bool(own)
    else:
        limit = FRAGMENT if linked else BARE if spoken and spoken[0] in PREPOSITIONS else 0
        fragment = bool(own) and len(spoken) <= limit and spoken[0] not in QUESTION and not about
    if fragment:
        return _filled_in(piece, topic) if topic.base else (said, topic)
    if not own:
        return (f"{_told(topic)} {said}", topic) if topic.base else (said, topic)
    if topic.base and len(own) <= _room(spoken):
        return f"{_ended(topic.base)} {said}", Topic(topic.base, said)
    return said, Topic(said)


def _own(text: str) -> list[str]:
    """Its words that name something."""
    return [word for word in content(text) if word not in THIN and word not in POINTING | STRONG]


def _room(spoken: Sequence[str]) -> int:
    """How many telling words a sentence may have that points to something outside of it; -1: it does not."""
    room = -1
    for place, word in enumerate(spoken):
        if word in STRONG or (word in POINTING and _points(spoken, place)):
            room = OWN_STRONG
        elif word in ("it", "its"):
            subject = not place or not AUXILIARY.isdisjoint(spoken[place - 1 : place + 2])
            room = max(room, OWN_WEAK if subject else OWN_STRONG)
    return room


def _points(spoken: Sequence[str], place: int) -> bool:
    """Whether "that", "those", "one" refers to something: "does that work", "the cheaper one", not "the
    file that I sent", "one of the files"."""
    word, last = spoken[place], place == len(spoken) - 1
    before, after = spoken[place - 1] if place else "", "" if last else spoken[place + 1]
    if word in ("one", "ones"):
        return last or before in BEFORE_ONE
    return last or before in AUXILIARY or after in PREPOSITIONS or before in PREPOSITIONS


def _told(topic: Topic) -> str:
    return " ".join(_ended(one) for one in (topic.base, topic.aside) if one)


def _ended(question: str) -> str:
    return question if question.endswith(("?", ".", "!")) else f"{question}?"


def _filled_in(piece: str, topic: Topic) -> tuple[str, Topic]:
    """The newest question with `piece` in the place where it belongs."""
    made = _placed(piece, _END.sub("", topic.aside or topic.base), topic.filled) + "?"
    after = Topic(topic.base, made, piece) if topic.aside else Topic(made, "", piece)
    return _told(after), after


def _placed(piece: str, question: str, filled: str) -> str:
    first = piece.split()[0].lower()
    if first in PREPOSITIONS:
        old = _phrase(question, (first,))
        return f"{question[: old[0]]}{piece}{question[old[1] :]}" if old else f"{question} {piece}"
    if filled:
        start = question.rfind(filled)
        kept = filled.split()[0] + " " if filled.split()[0].lower() in PREPOSITIONS else ""
        return f"{question[:start]}{kept}{piece}{question[start + len(filled) :]}"
    if old := _phrase(question, MOVABLE):
        return f"{question[: old[0]]}{question[old[0] : old[1]].split()[0]} {piece}{question[old[1] :]}"
    if not _phrase(question, PREPOSITIONS) and (found := _OBJECT.fullmatch(question)):
        return f"{found['before']}{piece}"
    return f"{question} {piece}"


def _phrase(question: str, prepositions: Iterable[str]) -> tuple[int, int] | None:
    """Where the last phrase stands that begins with one of `prepositions`."""
    spans = [(found[0].lower(), *found.span()) for found in re.finditer(r"[\w'’-]+", question)]
    ends = [start for word, start, _ in spans if word in PREPOSITIONS] + [len(question) + 1]
    for word, start, _ in reversed(spans):
        if word in prepositions:
            return start, min(end for end in ends if end > start) - 1
    return None
