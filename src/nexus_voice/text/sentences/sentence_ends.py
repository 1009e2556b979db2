"""Does a sentence end at this mark? Tables and rules; `sentences.py` keeps the stream.

The rules follow Kiss & Strunk's Punkt (2006) in spirit: abbreviations, initials and numbers decide by
what follows; only here the lists are written by hand, because a reply is too short to learn from.
"""

from __future__ import annotations

import re
from enum import Enum


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOPS = ".!?…"
OTHER_STOPS = "。！？｡।॥؟۔։።။។"
"""Full stops of other scripts: unambiguous, and CJK puts no space after them."""

NEVER_LAST = _words(
    "Mr Mrs Ms Mx Dr Prof Gen Col Capt Lt Sgt Rev Fr Hon Pres Gov Sen Rep Messrs Mme Mlle e.g i.e eg ie "
    "cf vs viz approx resp incl excl esp ca z.B d.h"
)
"""Abbreviations that always lead to another word."""

SELDOM_LAST = _words(
    "St Mt Ft Ave Blvd Rd Inc Ltd Co Corp Bros Jr Sr Esq Dept Univ Assn Est Fig Figs Eq Sec Ch Vol Art Pt "
    "Nos Ex App fig figs eq vol vols ch pp p al ed eds op ext tel dept misc Jan Feb Mar Apr Jun Jul Aug "
    "Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Ala Ariz Calif Colo Conn Fla Mass "
    "Mich Minn Okla Penn Tenn Tex Wash Ph.D M.D B.A M.A B.Sc M.Sc"
)
"""Abbreviations that end a sentence only when a word follows that can hardly be anything but its start."""

OFTEN_LAST = _words(
    "etc no min mins max sec secs hr hrs yr yrs oz lb lbs ft sq avg temp est govt intl tbsp tsp pkg mph "
    "kg km cm mm mg ml kb mb gb"
)
"""Abbreviations, and words also used as such: a capital letter must follow."""

BANG_NAMES = _words("Yahoo Jeopardy Joomla Kahoot")
"""Names with an exclamation mark of their own."""

OPENERS = _words(
    "The This That These Those It He She They We You I If In On When While But And So However There Here "
    "What Who How Why Where My Your Our Their His Her For From To As After Before Then Now Yes Also "
    "Because Although Since With Let Please Is Are Was Were Do Does Did Can Could Would Should Will Not "
    "Some Many Most Each Every Both Another One Its Once Until Unless"
)
"""Words with a capital letter that nearly always start a sentence."""

SHORT_WORDS = _words("it do go he is on so up be to of by us me we")

FILE_OR_HOST_CUES = _words(
    "at visit www file files filename edit open import domain website site host hostname url link folder "
    "directory run named called python node execute save download email address module script see"
)
"""After one of these, a plain word before a full stop may be a host or file name."""

FILE_OR_HOST_NAMES = _words(
    "main index app config package setup example test tests readme utils util requirements settings "
    "docker compose style styles script server client data file files github google www mail docs api "
    "localhost model models node vue next react angular socket archive wikipedia amazon booking license "
    "init conf"
)

_BREAKS = re.compile(r'[\s—–…"“”«„(\[{*]')
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LIST_MARKER = re.compile(r"[\s*_#>-]{0,9}(?:(?:[A-Z][a-z]+ )?\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})")
_NEXT = re.compile(r"\s{1,400}(?:\[\d{1,3}\]\s?)?[\"'“‘«„(\[*_¿¡]{0,9}(\w{0,14})")
_NUMBERED = re.compile(r"\d{1,2}[.)]\s")
_NUMBER_BEGUN = re.compile(r"\d{0,3}[.)\]]?\Z")
_LONGEST_WORD = 32


class After(Enum):
    """What must follow a mark, past white space, for it to end the sentence."""

    ANYTHING = 1
    CAPITAL = 2
    """Anything but a small letter or a number (unless that numbers a list)."""
    OPENER = 3
    NOTHING = 4
    """It never ends a sentence."""


def last_word(text: str, start: int, mark: int) -> str:
    """The word that ends at `mark`, without opening quotes, brackets and emphasis."""
    return _BREAKS.split(text[max(start, mark - _LONGEST_WORD) : mark])[-1].lstrip("'‘_")


def after(word: str, marks: str, line: str) -> After:
    """What must follow `marks` (one or more of `STOPS`) when they come after `word`, the last of `line`."""
    letters = word.replace("'", "").replace("’", "").replace("-", "")
    if "!" in marks or "?" in marks:
        if word in BANG_NAMES:
            return After.OPENER
        return After.ANYTHING if letters.isalpha() and len(letters) > 1 else After.CAPITAL
    if marks != ".":  # an ellipsis
        return After.CAPITAL
    if len(line) < 20 and _LIST_MARKER.fullmatch(line):  # "1. First", "Step 2. Stir"
        return After.NOTHING
    uncapitalised = word[:1].lower() + word[1:]
    if word in NEVER_LAST or uncapitalised in NEVER_LAST:
        return After.NOTHING
    if word in SELDOM_LAST or (_INITIALS.fullmatch(word) and word.lower() != word.upper()):
        return After.OPENER
    if uncapitalised in OFTEN_LAST:
        return After.CAPITAL
    plain = letters.isalpha() and letters.islower() and (len(letters) > 2 or letters in SHORT_WORDS)
    return After.ANYTHING if plain and len(word) < _LONGEST_WORD else After.CAPITAL


def follows(text: str, at: int, need: After, *, final: bool) -> bool | None:
    """Whether what comes at `at` (white space) is what is needed; None: more text must be seen."""
    if need in (After.ANYTHING, After.NOTHING):
        return need is After.ANYTHING
    found = _NEXT.match(text, at)
    if found is None:
        return False
    word, end = found[1], found.end()
    if need is After.OPENER:
        if end == len(text) and not final:
            return None
        return word in OPENERS and not text.startswith(".", end)
    if word and word[0].isdigit():  # "[1]" begun, or "2. Second"
        begun = _NUMBER_BEGUN.match(text, found.start(1)) and not final
        return None if begun else _NUMBERED.match(text, found.start(1)) is not None
    if word:
        return not word[0].islower()
    return None if end == len(text) and not final else end < len(text)


def at_once(text: str, start: int, mark: int, word: str) -> bool:
    """Whether a mark at the end of all text so far may end the sentence before more is seen.

    Only after a plain word (`After.ANYTHING` is already known). A wrong answer here cuts "example" |
    ".com" in two; so wherever the words sound like a file or host name, we wait for one more token.
    """
    before = mark - len(word)
    if before > start and not text[before - 1].isspace():
        return False
    piece = text[start:mark]
    if " '" in piece or "‘" in piece or ("*" in piece and len(re.findall(r"\*+", piece)) % 2):
        return False  # a quote or an emphasis is open and should close in this piece
    if text[mark] != ".":
        return True
    words = piece.split()
    if len(words) < 3 or word in FILE_OR_HOST_NAMES:
        return False
    return not any(earlier.strip(",:'\"").lower() in FILE_OR_HOST_CUES for earlier in words[-4:-1])
