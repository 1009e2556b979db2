"""What a question asks for: its telling words, the names in it, and what kind of thing would be an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...text.arithmetic import ONES, TENS, number
from ...text.words import STOP_WORDS, bare_question, content, stem, words

MAX_QUESTION_CHARS = 1_000
"""Characters of a question that are looked at: more than anybody says."""
MAX_CODE_LETTERS = 4
"""A word with more letters is no part of a product's number: "AX 200", but "street 18"."""

Wanted = Literal[
    "amount", "money", "length", "duration", "weight", "speed", "warmth", "noise", "size", "often", "time",
    "who", "where", "why", "how", "whether", "list", "thing",
]  # fmt: skip
"""What an answer has: an amount of some kind, a time, a person and so on; "thing" is anything."""

_NUMBER_WORDS = "|".join(sorted({*ONES, *TENS} - {"oh", "o", "zero"}, key=len, reverse=True))
NUMBER = re.compile(
    rf"\d|\b(?:{_NUMBER_WORDS}|hundred|thousand|million|dozen|half|once|twice|none|no|an?)\b", re.I
)
FIGURE = re.compile(rf"\d|\b(?:{_NUMBER_WORDS}|hundred|thousand|million|dozen|twice)\b", re.I)
"""A number for sure: not "a" or "no"."""
_UNITS: dict[Wanted, str] = {
    "money": r"euros?|dollars?|pounds?|crowns?|francs?|yen|yuan|cents?|pence|kronor|eur|usd|gbp|chf|%|percent"
    r"|per cent|[€$£¥]|free(?: of charge)?|costs? nothing|prices?",
    "duration": r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|nights?|decades?|centur(?:y|ies)"
    r"|fortnight|weekends?|m?s|min|h|hrs?|indefinite|forever|until|unlimited",
    "length": r"[cmkµ]?m|[cmk]?illimet(?:re|er)s?|(?:milli|centi|kilo)?met(?:re|er)s?|km|miles?|feet|foot|ft"
    r"|inch(?:es)?|yards?",
    "weight": r"[mk]?g|(?:milli|kilo)?grams?|kilos?|tonnes?|tons?|pounds?|lbs?|ounces?|oz",
    "speed": r"rpm|km/h|mph|knots?|m/s|(?:a|per|each) (?:second|minute|hour|day)|/s|ms|milliseconds?",
    "warmth": r"°|degrees?|celsius|fahrenheit",
    "noise": r"db|decibels?",
    "size": r"m²|m2|sq|square|hectares?|acres?|[kmgt]i?b|(?:kilo|mega|giga|tera)?bytes?|lit(?:re|er)s?|m³"
    r"|cubic|[cmk]?m|(?:kilo|centi|milli)?met(?:re|er)s?|miles?|employees|people|inhabitants|characters|pages"
    r"|rooms|euros?|dollars?|pounds?|%|percent|per cent|[mk]?g|kilos?|tons?",
    "often": r"every|once|twice|times|daily|weekly|monthly|yearly|annually|hourly|per|each|an?|always|never",
}
_SIGNS: dict[Wanted, str] = {"money": "%€$£¥", "warmth": "°", "size": "%€$£¥"}
_OF_UNIT = {
    kind: re.compile(
        rf"(?<![^\W\d_])(?:{one})(?![^\W\d_])" + (f"|[{_SIGNS[kind]}]" if kind in _SIGNS else ""), re.I
    )
    for kind, one in _UNITS.items()
}
TIME = re.compile(
    r"\d|\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|noon|midnight|morning|afternoon|evening|night|today|tomorrow"
    r"|yesterday|daily|weekly|monthly|always|whenever|when|before|after|once|until|spring|summer|autumn|winter"
    r"|easter|christmas|first|second|third|fourth|fifth|weekdays?|weekends?)\b",
    re.I,
)
_MEASURES: dict[str, Wanted] = {
    **dict.fromkeys(("much",), "amount"), **dict.fromkeys(("many",), "amount"),
    **dict.fromkeys(("long", "old", "soon", "quickly"), "duration"),
    **dict.fromkeys(("tall", "deep", "wide", "broad", "thick", "far"), "length"),
    "heavy": "weight", **dict.fromkeys(("fast", "quick"), "speed"),
    **dict.fromkeys(("hot", "warm", "cold"), "warmth"), **dict.fromkeys(("loud", "noisy", "quiet"), "noise"),
    **dict.fromkeys(("large", "big", "small", "high", "low"), "size"),
    **dict.fromkeys(("often", "frequently"), "often"), "expensive": "money",
}  # fmt: skip
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "heavy": ("weight", "mass"), "weigh": ("weight", "mass"), "fast": ("speed", "rate"),
    "quick": ("speed",), "high": ("height",), "tall": ("height",), "deep": ("depth",), "wide": ("width",),
    "long": ("length", "duration", "time"), "far": ("distance", "range"), "hot": ("temperature",),
    "warm": ("temperature",), "cold": ("temperature",), "large": ("size", "area", "capacity"),
    "big": ("size", "area", "capacity"), "old": ("age",), "often": ("interval", "frequency"),
    "loud": ("noise",), "noisy": ("noise",), "expensive": ("price", "cost"), "cost": ("price", "fee"),
    "costs": ("price", "fee"), "pay": ("price", "fee"), "much": ("price", "cost", "amount", "fee"),
    "many": ("number", "quantity", "amount", "stock"), "who": ("name",), "when": ("date", "time"),
    "where": ("place", "location", "room", "address"), "call": ("phone", "telephone"),
    "dial": ("phone", "extension"), "extension": ("phone",), "telephone": ("phone",),
    "strong": ("torque", "power", "strength"),
}  # fmt: skip
"""Words that ask for a column of a table -> what the column may be called."""
_UNTELLING = frozenset(
    stem(one)
    for one in words(
        """many much long kind sort type format thing happen mean call exist there possible able else bring
        keep put see take use get go going give own ask find look today now currently usually exactly normally
        actually may come came went say says said"""
    )
)
"""Stems of words that tell little: what the question is about is in its other words."""
_MONEY = re.compile(
    r"(?:what|how much) (?:do|does|did|is|are|was|were|will|would|must|should|can|may)\b.*\b"
    r"(?:costs?|pay|paid|charged?|refunded|spend|earn|price)\b"
    r"|how expensive|(?:what|which) (?:is|are|was|were|will be) the (?:\w+ ){0,2}"
    r"(?:price|cost|fee|rent|salary|wage|fare|charge)s?\b"
    r"|how much (?:is|are|was|were|will)\b"
)
_TIME = re.compile(
    r"(?:^|\b(?:since|until|till|from|by) )when\b|\b(?:what|which) (?:year|day|date|month|time|hours)\b"
    r"|(?:between|within|during|on) (?:which|what) (?:hours|times|days|months)|what time"
)
_QUANTITY = re.compile(
    r"\b(?:what|which) (?:is|are|was|were) the (?:\w+ ){0,3}(number|amount|temperature|weight|height|length"
    r"|depth|width|speed|age|percentage|rate|size|area|population|distance|capacity)\b"
    r"|\b(?:what|which) (temperature|weight|height|length|speed|percentage|size|number)s?\b"
)
_LIST = re.compile(
    r"^(?:(?:what|which)(?: are| were|'re)?(?: the| all)? (?:\w+ ){0,3}?(?:kinds|sorts|types|formats|ways"
    r"|ingredients|tasks|options|steps|members|parts|features|things|languages|roles|clothes|files|rules"
    r"|requirements|conditions|reasons|names|items|documents|tools|colou?rs)\b"
    r"|(?:what|which) (?:all )?(?:are|were) (?:the |all )|list\b|name (?:all|the|some)\b"
    r"|who (?:all|are|were)\b"
    r"|which (?:\w+ )?\w+(?<!s)s (?:are|were|do|does|did|can|could|have|has|may|were)\b"
    r"|what do (?:i|we|you) need for\b|how can i pay)"
)
_WHETHER = re.compile(
    r"(?:is|are|was|were|am|do|does|did|can|could|may|might|must|should|shall|will|would|has|have|had|isn't"
    r"|aren't|doesn't|don't|can't)\b"
)
_HOW = re.compile(
    r"how (?:do|can|could|should|would|to|did|is|are)\b|what (?:can|should|must|do) i (?:do|need)|what now"
)
_FOCUS = re.compile(
    r"(?:(?:what|which)(?:'s| is| are| was| were| will be)? (?:the |an? |my |your |our )?"
    r"|who(?:'s| is| are| was| were) (?:the |an? |my |your |our )"
    r"|how (?:many|much) )((?!(?:do|does|did|is|are|was|were)\b)[^\W_][\w']*(?: [\w']+){0,4}?)"
    r"(?= (?:of|for|in|on|at|from|to|with|do|does|did|is|are|was|were|has|have|can|could|may|must|should|will"
    r"|would|goes?|need|got|there|that|which|who|when|if|by)\b|$)"
)
_TIMES = frozenset(
    words("time times year day days date month hour hours morning afternoon evening night o'clock weekday")
)
_FIGURES: dict[str, Wanted] = {
    **dict.fromkeys(("version", "number", "size", "sum"), "amount"), "temperature": "warmth",
    "weight": "weight", **dict.fromkeys(("price", "cost"), "money"), "speed": "speed",
    **dict.fromkeys(("height", "length", "width", "depth", "distance"), "length"), "age": "duration",
}  # fmt: skip
"""What is told by a figure -> of which kind."""
_TYPED = _TIMES | {*_FIGURES} | frozenset(words("place city country town street person"))
"""What has a form of its own, and so may be told without its name."""
_HOW_TO_TELL = re.compile(
    r"how (?:do|can|could|should|would) (?:i|we|you|one) (?:know|tell|see|find out|recogni[sz]e)\b"
)
HARD: frozenset[Wanted] = frozenset(
    ("amount", "money", "length", "duration", "weight", "speed", "warmth", "noise", "size", "often", "time")
)
"""What has a form of its own, so that a text without it is no answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, looked at once. `text` is as it was asked, `said` in small letters with figures."""

    text: str
    said: str
    words: tuple[str, ...]
    terms: tuple[str, ...]
    """Stems of the telling words, each once."""
    wanted: Wanted
    measure: str
    """The word that asks for a measure, such as "heavy"; empty if there is none."""
    codes: tuple[str, ...]
    """Product numbers and figures, in small letters without blanks or hyphens."""
    names: tuple[str, ...]
    """Stems of words with a capital inside the sentence."""
    steps: bool
    """It asks how to do something, which takes steps."""
    focus: tuple[str, ...]
    """Stems of the very thing that is asked for: "interest rate" in "what is the fund's interest rate"."""


def asked(question: str) -> Asked:
    question = question[:MAX_QUESTION_CHARS]
    said = tuple(_with_figures(bare_question(question).split()))
    line = " ".join(said)
    measured = re.search(r"\bhow (\w+)", line)
    measure = measured[1] if measured and measured[1] in _MEASURES else ""
    wanted = _wanted(line, measure)
    telling = [word for word in said if word not in STOP_WORDS and stem(word) not in _UNTELLING]
    telling = [word for word in telling if word != measure] or telling
    telling = telling or [word for word in said if word not in STOP_WORDS]
    if not question.isascii():
        telling = content(question)
    steps = wanted == "how" and not _HOW_TO_TELL.search(line)
    terms = tuple(dict.fromkeys(map(stem, telling)))
    return Asked(
        question,
        line,
        said,
        terms,
        wanted,
        measure,
        tuple(_codes(question, said)),
        _names(question),
        steps,
        _focus(line),
    )


def _wanted(line: str, measure: str) -> Wanted:
    if re.match(r"(?:the )?(?:who|whose|whom)\b|(?:by|to|from|with) whom\b", line):
        return "who"
    if _MONEY.search(line) and measure in ("", "much", "expensive"):
        return "money"
    if measure:
        return _MEASURES[measure]
    if _TIME.search(line):
        return "time"
    if quantity := _QUANTITY.search(line):
        return _FIGURES.get(quantity[1] or quantity[2], "amount")
    if _LIST.search(line):
        return "list"
    if re.search(
        r"^(?:from |to |in )?where\b|\b(?:which|what) (?:place|room|city|country|town|street)\b", line
    ):
        return "where"
    if re.search(r"\bwhy\b|what (?:is|was) the reason|how come", line):
        return "why"
    if _HOW.match(line):
        return "how"
    return "whether" if _WHETHER.match(line) else "thing"


def _focus(line: str) -> tuple[str, ...]:
    found = _FOCUS.search(line)
    kept = found[1].split() if found else []
    if any(one.endswith("'s") for one in kept):  # "what is Maria's phone number"
        kept = kept[max(at for at, one in enumerate(kept) if one.endswith("'s")) + 1 :]
    return tuple(
        stem(word) for word in kept if word not in STOP_WORDS | _TYPED and stem(word) not in _UNTELLING
    )


def satisfies(wanted: Wanted, text: str, context: str = "") -> float:
    """Whether `text` has the form of what is wanted: 1, 0.5 if only a part of it, 0. `context` (title and
    heading) may name the unit of its numbers."""
    if wanted == "time":
        return 1.0 if TIME.search(text) else 0.0
    if wanted == "amount":
        return 1.0 if FIGURE.search(text) else 0.4 if NUMBER.search(text) else 0.0
    if wanted not in HARD:
        return 1.0
    unit = _OF_UNIT[wanted].search(text)
    figure = FIGURE.search(text)
    if unit and (figure or NUMBER.search(text) or wanted in ("often", "money")):
        return 1.0
    if figure and _OF_UNIT[wanted].search(context):
        return 0.9
    return 0.4 if figure else 0.0


def typed_by_form(word: str, text: str) -> bool:
    """Whether the word need not be in an answer, since that has the form of it: "version" and "3.11"."""
    if word in _TIMES:
        return TIME.search(text) is not None
    return word in _FIGURES and satisfies(_FIGURES[word], text) == 1


def compact(text: str) -> str:
    """Letters and figures in small letters with nothing between them."""
    return "".join(character for character in text.lower() if character.isalnum())


def _with_figures(said: Sequence[str]) -> list[str]:
    """Numbers above nine in figures and spelt letters joined, as they are written: "b x ten fifty five" ->
    "bx 1055"."""
    made: list[str] = []
    at, joins = 0, False
    while at < len(said):
        found = number(said, at) if not said[at].isdecimal() else None
        whole = found and found[0].denominator == 1 and found[1] > at
        if found and whole and (found[0] >= 10 or (joins and made)):
            figures = str(found[0])
            made[-1:] = [made[-1] + figures] if joins else [*made[-1:], figures]
            at, joins = found[1], True
        elif (
            len(said[at]) == 1 and said[at].isalpha() and said[at] not in "ai" and made and len(made[-1]) == 1
        ):
            made[-1] += said[at]
            at, joins = at + 1, False
        else:
            made.append(said[at])
            at, joins = at + 1, False
    return made


def _codes(question: str, said: Sequence[str]) -> list[str]:
    written = re.findall(r"\b[^\W\d_]{1,6}-?\d[\w-]{0,20}|\b[^\W_]{1,20}_[\w-]{1,60}", question)
    found = [compact(one) for one in written]
    for before, word in zip(["", *said], said, strict=False):
        if word.isdecimal() and len(word) > 1:
            short = before.isalpha() and 1 < len(before) <= MAX_CODE_LETTERS and before not in STOP_WORDS
            found.append(before + word if short and not any(word in code for code in found) else word)
    return list(dict.fromkeys(found))


def _names(question: str) -> tuple[str, ...]:
    written = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", question)
    capital = [word for word in written[1:] if word[0].isupper()]
    if len(capital) > 0.6 * len(written):
        return ()  # all is written so
    kept = (word.lower().replace("’", "'") for word in capital)
    return tuple(dict.fromkeys(stem(word) for word in kept if word not in STOP_WORDS))
