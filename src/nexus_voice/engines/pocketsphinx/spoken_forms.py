"""Turns written sentences into what people say about them: the text that a small language model is made of.

Documents state and people ask. So each heading, and each "to do this" or "you can do that", also becomes the
questions that it answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

MAX_WORDS = 30
"""Longer sentences are cut: long ones are mostly code and tables, which teach a language model nothing."""
MAX_HEADING_WORDS = 7


def listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ONES = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
TENS = listed("twenty thirty forty fifty sixty seventy eighty ninety")

VERB_QUESTIONS = ("how do i {}", "how can i {}", "can i {}", "how to {}")
NOUN_QUESTIONS = (
    "what is {}",
    "what are {}",
    "what is the {}",
    "tell me about {}",
    "tell me about the {}",
    "where is the {}",
    "how does {} work",
    "how do i use {}",
)
QUESTION_WORDS = {"what", "which", "who", "when", "where", "why", "how"}
AUXILIARIES = {"is", "are", "was", "were", "can", "does", "do", "will", "should", "must"}
IMPERATIVES = listed(
    """add ask build call change check choose clear configure connect copy create delete deploy
    disable download drop enable export find fix get give hold import install interrupt keep let
    list load make measure move open pause press print pull push put read remove rename reset restart
    run save search see select send set show speak start stop switch talk tell test try tune turn
    type undo update upgrade upload use wait write"""
)
NOT_VERBS = listed(
    "the a an your its it this that these those be which what each all any one his her their our "
    "my me you us them him and or to"
)
FIRST_PERSON = {"your": "my", "you": "i", "yourself": "myself"}

PURPOSE = re.compile(r"\bto ((?!in\b|on\b)[a-z][a-z' -]+)", re.I)
ABILITY = re.compile(r"\byou (?:can|may) (?:also )?([a-z][a-z' -]+)", re.I)
TOKEN = re.compile(r"\d+|[A-Za-z]+(?:'[a-z]+)?")


def words(text: str) -> list[str]:
    """What a person says when reading `text` aloud: lower case, numbers as words, no punctuation."""
    said: list[str] = []
    for token in tokens(text):
        said += number(int(token[:MAX_WORDS])) if token.isdigit() else [token.lower()]
    return said[:MAX_WORDS]


def tokens(text: str) -> list[str]:
    """Words as they are written, accents removed, and runs of digits."""
    plain = unicodedata.normalize("NFKD", text.replace("\u2019", "'"))
    return TOKEN.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def number(n: int) -> list[str]:
    """0..9,999 in words; longer numbers are read digit by digit."""
    if n > 9_999:
        return [ONES[int(digit)] for digit in str(n)]
    if n >= 1_000:
        return [*number(n // 1_000), "thousand", *(number(n % 1_000) if n % 1_000 else [])]
    if n >= 100:
        return [ONES[n // 100], "hundred", *(number(n % 100) if n % 100 else [])]
    if n >= 20:
        return [TENS[n // 10 - 2], *([ONES[n % 10]] if n % 10 else [])]
    return [ONES[n]]


def questions(sentence: str, known: Callable[[str], bool]) -> Iterator[str]:
    """Questions that `sentence` may answer, in words. `known` tells whether a word exists."""
    said = words(sentence)
    if not said:
        return
    if len(said) <= MAX_HEADING_WORDS and sentence.strip()[-1:] not in tuple(".!?:;,"):
        yield from heading_questions(said, known)
    for pattern in (PURPOSE, ABILITY):
        for match in pattern.finditer(sentence):
            action = words(match[1])[:MAX_HEADING_WORDS]
            if action and action[0] not in NOT_VERBS:
                yield from asked(VERB_QUESTIONS, action)
    if said[0] in IMPERATIVES and len(said) > MAX_HEADING_WORDS:
        yield from asked(VERB_QUESTIONS[:2], said[:MAX_HEADING_WORDS])
    subject = next((i for i, word in enumerate(said[:5]) if word in ("is", "are")), 0)
    if subject and said[0] not in QUESTION_WORDS:
        yield " ".join(["what", said[subject], *said[:subject]])


def heading_questions(said: list[str], known: Callable[[str], bool]) -> Iterator[str]:
    if said[0] in QUESTION_WORDS:
        yield " ".join(said)
        place = next((i for i, word in enumerate(said) if word in AUXILIARIES), 0)
        if place > 1:  # where conversations are stored -> where are conversations stored
            yield " ".join([said[0], said[place], *said[1:place], *said[place + 1 :]])
    elif said[0].endswith("ing") and (verb := infinitive(said[0], known)):
        yield from asked(VERB_QUESTIONS, [verb, *said[1:]])
    elif said[0] in IMPERATIVES:
        yield from asked((*VERB_QUESTIONS, "what is {}"), said)
    else:
        yield from asked(NOUN_QUESTIONS, said)


def asked(forms: Iterable[str], said: list[str]) -> Iterator[str]:
    mine = " ".join(FIRST_PERSON.get(word, word) for word in said)
    return (form.format(mine) for form in forms)


def infinitive(gerund: str, known: Callable[[str], bool]) -> str:
    """ "using" -> "use", "running" -> "run", "asking" -> "ask"; empty for "ring"."""
    stem = gerund[:-3]
    doubled = len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "ls"
    candidates = ([stem[:-1]] if doubled else []) + [stem + "e", stem]
    return next((word for word in candidates if len(word) > 1 and known(word)), "")
