"""Completes a question that refers to the ones before it: "and on Windows?" after "How do I install it on
Linux?" becomes "How do I install it on Windows?".

It works by rules over English words, because a second call to a model would cost a spoken answer its second.
The result is for searching documents; a language model sees the conversation itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from . import arithmetic, date_questions, smalltalk
from .folding import is_latin
from .turn_taking import is_backchannel
from .words import content, words

MAX_QUESTION_CHARS = 2_000
"""A longer question is taken to stand alone: no one leans on the conversation with a page of text."""
MAX_EARLIER_CHARS = 300
"""Characters of an earlier question that are kept."""
MAX_EARLIER = 256
"""Earlier questions that are looked at, counted from the newest."""
MAX_IDLE_CHARS = 200
"""A longer text is neither small talk nor a sum."""
MAX_FRAGMENT_WORDS = 6
"""Words of the longest fragment, such as "and for students in their last year"."""
MAX_BARE_FRAGMENT_WORDS = 4
"""The same for a fragment without an "and" before it: "on a Mac?"."""
MAX_TELLING_WITH_IT, MAX_TELLING_WITH_THAT = 1, 2
"""A question with "it", or with "that", refers to an earlier one if it has at most so many telling words."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


SENTENCE_STARTS = _set(
    "what which who whom whose where when why how is are was were am do does did can could will would "
    "shall should may might must has have had isn't aren't doesn't don't didn't can't won't what's "
    "where's who's how's tell show give explain list describe find search look name say repeat add remove "
    "open close start stop make set turn put play help let compare write read i we you please"
)
"""First words of a sentence that asks, orders or states something by itself."""
AUXILIARY = _set(
    "is are was were do does did can could will would should may might must has have had isn't doesn't "
    "don't didn't can't won't what's where's how's why's who's"
)
PREPOSITIONS = _set(
    "on in for with without under at from of by to via using during after before per as into over through "
    "between against inside outside behind within about"
)
REPLACEABLE_PREPOSITIONS = _set("on in for with without under of using via during about")
"""What stands behind the last of these in a question is replaced by "what about Windows?"."""
EXCEPTING = _set("not except only")
"""A fragment that begins with one of these narrows the question: "but not for batteries"."""
PRONOUNS = _set("they them he she him themselves both either neither")
DEMONSTRATIVES = _set("that this these those one ones")
"""Words that refer to an earlier question in some places only: see `_refers_back`."""
BEFORE_ONE = _set("which another other that this the last next first second third newer older cheaper better")
UNSPECIFIC = _set(
    "able allowed always back bad best better bigger cheaper come cost costs default difference different "
    "easier else enough exactly example examples expensive explain fast faster first free further good "
    "happen happened happens help important instead kind last later less limit long longer many maximum "
    "mean means minimum more most much necessary next no normal not often only option optional other "
    "others part possible quick quickly rather really reason recommended required right safe same second "
    "seconds slow slower sort still sure take takes taking thing things think third time times too true "
    "try usually use used using way ways work working works worse wrong yes yet detail details continue "
    "elaborate before after again both off without"
)
"""Words that name nothing: a question with no others refers to an earlier one."""
_NAMELESS = UNSPECIFIC | DEMONSTRATIVES | PRONOUNS

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
"""A question without a preposition, up to the thing that it asks about."""
_SUBJECT = re.compile(
    r"(?P<before>(?:is|are|was|were|do|does|did|can|could|will|would|should|must|may|might|has|have) )"
    r"(?P<subject>(?:(?:an?|the|my|your|our|his|her|their|its|this|that|these|those|any|all) )?"
    r"(?!(?:i|you|he|she|it|we|they|there|this|that|these|those|one|anyone|someone) )[\w'’-]+)"
    r"(?P<after> .+)",
    re.IGNORECASE,
)
"""A question about its subject: "Is lightning covered by the warranty"."""
_END = " \t\r\n?.!…,;"
"""What may follow the last word of a question."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What the conversation is about.

    `base` is a question that stands alone. `aside`, which may be empty, is a later one that refers to it.
    `filled` is the fragment that was put into the newer of the two.
    """

    base: str = ""
    aside: str = ""
    filled: str = ""


def standalone(question: str, earlier: Sequence[str]) -> str:
    """Complete `question` with what it leaves unsaid, taken from the `earlier` questions, oldest first.

    A question that stands alone is returned as it is. So are greetings and the like, which are also passed
    over in `earlier`, questions in other scripts, and those of over `MAX_QUESTION_CHARS` characters. Only the
    newest `MAX_EARLIER` questions count, each by its first `MAX_EARLIER_CHARS` characters.
    """
    if len(question) > MAX_QUESTION_CHARS or not is_latin(question) or is_idle(question):
        return question
    leaning: list[str] = []  # the newest first, back to one that stands alone
    for said in reversed(earlier[-MAX_EARLIER:]):
        if not is_idle(said):
            leaning.append(said[:MAX_EARLIER_CHARS].strip())
            if _completed(leaning[-1], Topic("any"))[1] == Topic(leaning[-1]):
                break
    topic = Topic()
    for said in reversed(leaning):
        topic = _completed(said, topic)[1]
    return _completed(question, topic)[0]


def is_idle(said: str) -> bool:
    """Whether `said` is small talk, is about the conversation itself, asks the time or is a sum: it needs no
    documents, and no later question can be about it."""
    return len(said) <= MAX_IDLE_CHARS and _is_idle_text(said)


@lru_cache(1_024)
def _is_idle_text(said: str) -> bool:
    return (
        is_backchannel(said)
        or smalltalk.answer(said, {}, "something") is not None
        or date_questions.answer(said, datetime.min) is not None
        or arithmetic.answer(said) is not None
    )


def _completed(said: str, topic: Topic) -> tuple[str, Topic]:
    """Return the complete question and the topic after it."""
    lead = _LEAD.match(said)
    linked = bool(lead and _LINK.search(lead[0]))
    rest = said[lead.end() if lead else 0 :].rstrip(_END)
    spoken, about = words(rest), _ABOUT.match(rest)
    own = _telling_words(rest)
    piece = rest[about.end() :].strip() if about else rest
    if about and len(own) <= MAX_TELLING_WITH_THAT + 1:
        fragment = bool(own)
    else:
        bare = MAX_BARE_FRAGMENT_WORDS if spoken and spoken[0] in PREPOSITIONS else 0
        limit = MAX_FRAGMENT_WORDS if linked else bare
        fragment = bool(own) and len(spoken) <= limit and spoken[0] not in SENTENCE_STARTS and not about
    if fragment:
        return _filled_in(piece, topic) if topic.base else (said, topic)
    if not own:
        return (f"{_as_text(topic)} {said}", topic) if topic.base else (said, topic)
    if topic.base and len(own) <= _max_telling_words(spoken):
        return f"{_with_end_mark(topic.base)} {said}", Topic(topic.base, said)
    return said, Topic(said)


def _telling_words(text: str) -> list[str]:
    """The words that name something."""
    return [word for word in content(text) if word not in _NAMELESS]


def _max_telling_words(spoken: Sequence[str]) -> int:
    """How many telling words the question may have if it refers to an earlier one; -1 if it does not
    refer."""
    room = -1
    for place, word in enumerate(spoken):
        if word in PRONOUNS or (word in DEMONSTRATIVES and _refers_back(spoken, place)):
            room = MAX_TELLING_WITH_THAT
        elif word in ("it", "its"):
            subject = not place or not AUXILIARY.isdisjoint(spoken[place - 1 : place + 2])
            room = max(room, MAX_TELLING_WITH_IT if subject else MAX_TELLING_WITH_THAT)
    return room


def _refers_back(spoken: Sequence[str], place: int) -> bool:
    """Whether "that", "those" or "one" at `place` refers to an earlier question: in "does that work" and "the
    cheaper one", not in "the file that I sent" and "one of the files"."""
    word, last = spoken[place], place == len(spoken) - 1
    before, after = spoken[place - 1] if place else "", "" if last else spoken[place + 1]
    if word in ("one", "ones"):
        return last or before in BEFORE_ONE
    return last or before in AUXILIARY or after in PREPOSITIONS or before in PREPOSITIONS


def _as_text(topic: Topic) -> str:
    return " ".join(_with_end_mark(one) for one in (topic.base, topic.aside) if one)


def _with_end_mark(question: str) -> str:
    return question if question.endswith(("?", ".", "!")) else f"{question}?"


def _filled_in(piece: str, topic: Topic) -> tuple[str, Topic]:
    """Put `piece` into the newest question, in the place where it belongs."""
    made = _placed(piece, (topic.aside or topic.base).rstrip(_END), topic.filled) + "?"
    after = Topic(topic.base, made, piece) if topic.aside else Topic(made, "", piece)
    return _as_text(after), after


def _placed(piece: str, question: str, filled: str) -> str:
    first = piece.split()[0].lower()
    if first in PREPOSITIONS:
        old = _phrase(question, (first,))
        return f"{question[: old[0]]}{piece}{question[old[1] :]}" if old else f"{question} {piece}"
    if first in EXCEPTING:
        return f"{question} {piece}"
    if filled:
        start = question.rfind(filled)
        kept = filled.split()[0] + " " if filled.split()[0].lower() in PREPOSITIONS else ""
        return f"{question[:start]}{kept}{piece}{question[start + len(filled) :]}"
    if old := _phrase(question, REPLACEABLE_PREPOSITIONS):
        return f"{question[: old[0]]}{question[old[0] : old[1]].split()[0]} {piece}{question[old[1] :]}"
    if not _phrase(question, PREPOSITIONS) and (found := _OBJECT.fullmatch(question)):
        return f"{found['before']}{piece}"
    if found := _SUBJECT.fullmatch(question):
        return f"{found['before']}{piece}{found['after']}"
    return f"{question}? {piece}"  # where it belongs is unclear: keep the words of both


def _phrase(question: str, prepositions: Iterable[str]) -> tuple[int, int] | None:
    """Return (start, end) of the last phrase that begins with one of `prepositions`."""
    spans = [(found[0].lower(), *found.span()) for found in re.finditer(r"[\w'’-]+", question)]
    ends = [start for word, start, _ in spans if word in PREPOSITIONS] + [len(question) + 1]
    for word, start, _ in reversed(spans):
        if word in prepositions:
            return start, min(end for end in ends if end > start) - 1
    return None
