"""Turn taking by words alone: what is a backchannel, what interrupts, and whether more words are to come."""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache

from .spoken.numbers import cardinal

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

_BACKCHANNELS = """
    er erm aha yeah yep yes yup ok okay right sure alright cool good great nice i see got it go on wow
    ja genau stimmt ach achso oui ouais d'accord sí si vale claro ajá sì certo già sim pois tá precies
    да ага угу понятно tak うん はい ええ そう へえ そうですね なるほど 嗯 对 好 好的 是 是的 哦 啊 네 응 예
"""
BACKCHANNELS = frozenset(_BACKCHANNELS.split())
"""Words of a listener who does not want the floor (Yngve 1970, "On getting a word in edgewise")."""
_LISTENING_NOISE = re.compile(
    r"[mh-]*m[mh-]*|h|[uae]h+(?:-?h?(?:uh+|u?m+))?|huh(?:-uh)?|u+m+|o+h+|oo+|aw+|aa+|"  # mm-hm, uh-huh, oh
    r"ha|heh|(?:[ae]h?-?)?(?:h[aeio]+h?-?){2,50}|[あうえおんッー〜ハはヘへフふ]+"  # laughter
)
_SMALL_WORDS = "a an the that than then this of it its and in on at is are for with to as her his"
SMALL_WORDS = frozenset(_SMALL_WORDS.split())
"""Words that by themselves say nothing."""
MAX_BACKCHANNEL_WORDS, MAX_BACKCHANNEL_CHARS = 4, 100
"""A text with more different words or more characters is no backchannel."""
MAX_FIGURE_DIGITS = 6
"""A longer figure is not compared as words."""
MIN_ECHO_WORDS, MIN_ECHO_SHARE = 2, 0.8
"""Words that a text must have to be taken for an echo, and the share of them that the assistant has said."""


def words(text: str) -> list[str]:
    """Words in lower case; "mm-hm" is one."""
    return _WORD.findall(text.lower())


def is_backchannel(text: str) -> bool:
    """Whether `text` is a few listening noises and nothing else."""
    if len(text) > MAX_BACKCHANNEL_CHARS:
        return False
    said = words(text)
    noises = (word in BACKCHANNELS or _LISTENING_NOISE.fullmatch(word) for word in said)
    return len(set(said)) <= MAX_BACKCHANNEL_WORDS and all(noises)


def is_echo(text: str, speaking: str) -> bool:
    """Whether the words of `text` are those that the assistant is `speaking`, caught by the microphone."""
    said, own = words(text), frozenset(words(speaking))
    if len(said) < MIN_ECHO_WORDS or not own:
        return False
    return sum(word in own for word in said) >= MIN_ECHO_SHARE * len(said)


def beside_echo(text: str, speaking: str) -> str:
    """What is left of `text` without the words that the assistant is `speaking`.

    The first of several words goes as well: it may be half a word of the echo. So do small words, for which a
    recogniser takes the rest of an echo, and figures that the assistant says as words.
    """
    spoken = (part for word in words(speaking) for part in (word, *word.split("-")))
    said, own = words(text), frozenset(word.rstrip("s") for word in spoken)

    def own_word(word: str) -> bool:
        figure = word.isdecimal() and len(word) <= MAX_FIGURE_DIGITS
        parts = words(cardinal(int(word)).replace("-", " ")) if figure and word not in own else [word]
        return all(part.rstrip("s") in own for part in parts)

    return " ".join(word for word in said[len(said) > 1 :] if word not in SMALL_WORDS and not own_word(word))


class Completeness(Enum):
    """What the words of an utterance say about its end."""

    unfinished = auto()
    """It cannot end here."""
    open = auto()
    """They have no full stop, from a recogniser that writes some."""
    unheard = auto()
    """There are none."""
    coming = auto()
    """The last of them are not recognised yet."""
    plain = auto()
    """They say nothing about it."""
    complete = auto()
    """It may well end here."""


_MARK = r"[.?!。？！।؟]*$"
_NUMERAL = r"(?:zero|oh|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|double|triple)"
_NUMBER = rf"(?:\d[\d,.:/-]*+|{_NUMERAL})"
_DIGITS = rf"(?:^|\s){_NUMBER}(?:\sone)*{_MARK}"
"""Such as "four one", but not "this one"."""
_OPENING = r"^(?:(?:and|so|okay|hey|please),?\s+)?"

COMPLETENESS: tuple[tuple[str, re.Pattern[str], Completeness], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE), completeness)
    for name, pattern, completeness in (
        (
            "whole command",
            r"^(?:stop|yes|no|yes,? please|no,? thanks|(?:no,? )?thank you|thanks|goodbye|never mind)[.!]?$",
            Completeness.complete,
        ),
        (
            "filler",
            r"(?:(?:^|\s)(?:um+|uh+|er+m?|hm+|well|you know|i mean)|^so)[,.…]*$",
            Completeness.unfinished,
        ),
        ("ellipsis, comma or dash", r"(?:[,、，،…—-]|\.\.)$", Completeness.unfinished),
        (
            "quantity",
            rf"\s(?:(?:in|for|at|by|since|until|about|than|over|under)\s(?:{_NUMERAL}|one)|in\s(?:1\d|20)\d\d|"
            rf"(?:at|by|since|until|about|than|over|under)\s\d{{1,4}}(?::\d\d)?){_MARK}",
            Completeness.plain,
        ),
        ("digits being read out", _DIGITS, Completeness.unfinished),
        (
            "word that ends no sentence",
            rf"(?:^|\s)(?:and|but|or|nor|because|if|while|which|than|as|the|a|an|my|your|our|their|of){_MARK}",
            Completeness.unfinished,
        ),
        (
            "beginning of a question",
            rf"{_OPENING}(?:(?:can|could|would|will|do|does|did|should)(?:\s+(?:i|you|we|they|he|she|it))?|"
            rf"(?:what|how|where|when|why|who)\s+(?:is|are|was|do|does|did|can|could|would|should)){_MARK}",
            Completeness.unfinished,
        ),
        (
            "condition without a consequence",
            rf"^(?:(?:and|so|but)\s)?(?:if|unless|because|although|though|while)\s[^,.?!]*{_MARK}",
            Completeness.unfinished,
        ),
        ("question mark", r"[?？؟]$", Completeness.complete),
        ("preposition", r"(?:^|\s)(?:to|at|by|for|from|with|about|into)[.!]?$", Completeness.unfinished),
        (
            "question that ends in its verb",
            rf"{_OPENING}(?:what|which|how|who|where|when|why)\b"
            r"(?=[^.?!]*\s(?:do|does|did|can|could|may|might|must|shall|should|will|would)\s+\S+\s)"
            r"[^.?!]*\s(?:be|have|do)$",
            Completeness.complete,
        ),
        (
            "unfinished phrase",
            r"(?:^|\s)(?:so|when|that|who|his|her|its|this|these|in|on|is|are|was|were|be|been|can|could|would|"
            r"should|will|do|does|did|have|has|had|not|what|how|why|where|i|we|you)$",
            Completeness.unfinished,
        ),
        (
            "auxiliary before a full stop",
            r"\s(?:is|are|was|were|be|been|can|could|would|should|will|do|does|did|have|has|had)[.!]$",
            Completeness.plain,
        ),
        ("full stop", r"[.!。！।]$", Completeness.complete),
        (
            "complete question",
            rf"{_OPENING}(?:what|how|why|where|when|who|which|can|could|do|does|did|is|are|was|were|will|would|"
            r"should|tell me|show me)(?:\s+\S+){3,}$",
            Completeness.complete,
        ),
    )
)
"""(name, pattern of the words so far, what they say). The first pattern that matches decides.

Recognisers that write full stops write them wherever a speaker is silent, so some words count for more.
"""

_WRITTEN = re.compile(r"[A-Z.,?!]")
"""What tells a recogniser that writes sentences from one that only writes words."""
MAX_COMPLETENESS_CHARS = 500
"""Only so many characters at the end of an utterance are read."""


@lru_cache(256)  # it is asked again with every piece of sound, and the words seldom change
def completeness(text: str, heard_out: bool = True) -> Completeness:
    """What the words so far say about whether they are all.

    Without `heard_out`, more was said that is not recognised yet; after digits probably more of them.
    """
    text = text[-2 * MAX_COMPLETENESS_CHARS :].strip()
    if not heard_out:
        reading_out = re.search(_DIGITS, text[-MAX_COMPLETENESS_CHARS:], re.IGNORECASE)
        return Completeness.unfinished if reading_out else Completeness.coming
    if not text:
        return Completeness.unheard
    if len(text) > MAX_COMPLETENESS_CHARS:
        text = "… " + text[-MAX_COMPLETENESS_CHARS:]  # it does not begin here
    for _, pattern, found in COMPLETENESS:
        if pattern.search(text):
            return found
    return Completeness.open if _WRITTEN.search(text) else Completeness.plain
