"""Where a sentence ends, and where it may be broken before its end: tables and rules for `splitter.py`.

The rules follow Kiss & Strunk's Punkt (2006) in spirit: abbreviations, initials and numbers decide by
what follows them. The lists are written by hand, because a reply is too short to learn from.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOPS = ".!?…"
OTHER_STOPS = "。！？｡।॥؟۔։።။។"
"""Full stops of other scripts. They are unambiguous, and Chinese and Japanese put no space behind them."""

NEVER_LAST = _words(
    "Mr Mrs Ms Mx Dr Prof Gen Col Capt Lt Sgt Rev Fr Hon Pres Gov Sen Rep Messrs Mme Mlle e.g i.e eg ie "
    "cf vs viz approx resp incl excl esp ca z.B d.h"
)
"""Abbreviations that never end a sentence."""

SELDOM_LAST = _words(
    "St Mt Ft Ave Blvd Rd Inc Ltd Co Corp Bros Jr Sr Esq Dept Univ Assn Est Fig Figs Eq Sec Ch Vol Art Pt "
    "Nos Ex App fig figs eq vol vols ch pp p al ed eds op ext tel dept misc Jan Feb Mar Apr Jun Jul Aug "
    "Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Ala Ariz Calif Colo Conn Fla Mass "
    "Mich Minn Okla Penn Tenn Tex Wash Ph.D M.D B.A M.A B.Sc M.Sc"
)
"""Abbreviations that end a sentence only if one of `OPENERS` follows."""

OFTEN_LAST = _words(
    "etc no min mins max sec secs hr hrs yr yrs oz lb lbs ft sq avg temp est govt intl tbsp tsp pkg mph "
    "kg km cm mm mg ml kb mb gb"
)
"""Abbreviations, and words that are used as such. They end a sentence if a capital letter follows."""

BANG_NAMES = _words("Yahoo Jeopardy Joomla Kahoot")
"""Names that are written with an exclamation mark."""

OPENERS = _words(
    "The This That These Those It He She They We You I If In On When While But And So However There Here "
    "What Who How Why Where My Your Our Their His Her For From To As After Before Then Now Yes Also "
    "Because Although Since With Let Please Is Are Was Were Do Does Did Can Could Would Should Will Not "
    "Some Many Most Each Every Both Another One Its Once Until Unless"
)
"""Words that, with a capital letter, nearly always begin a sentence."""

SHORT_WORDS = _words("it do go he is on so up be to of by us me we")

FILE_OR_HOST_CUES = _words(
    "at visit www file files filename edit open import domain website site host hostname url link folder "
    "directory run named called python node execute save download email address module script see"
)
"""Behind one of these words, the word before a full stop may be the name of a file or host."""

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
_MAX_WORD_CHARS = 32


class After(Enum):
    """What must follow a full stop and white space, if the full stop ends its sentence."""

    ANYTHING = 1
    CAPITAL = 2
    """Anything but a small letter or a number; the number of a list item is allowed."""
    OPENER = 3
    NOTHING = 4
    """It never ends a sentence."""


def last_word(text: str, start: int, mark: int) -> str:
    """Return the word that ends at `mark`, without opening quotes, brackets and emphasis."""
    return _BREAKS.split(text[max(start, mark - _MAX_WORD_CHARS) : mark])[-1].lstrip("'‘_")


def after(word: str, marks: str, line: str) -> After:
    """Return what must follow `marks` (one or more of `STOPS`) behind `word`, the last word of `line`."""
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
    return After.ANYTHING if plain and len(word) < _MAX_WORD_CHARS else After.CAPITAL


def follows(text: str, at: int, need: After, *, final: bool) -> bool | None:
    """Whether the text at `at`, which is white space, goes on as needed; None if more text must be seen."""
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


def ends_without_lookahead(text: str, start: int, mark: int, word: str) -> bool:
    """Whether a full stop at the end of the text so far ends the sentence, before more text is seen.

    Called behind plain words only (`After.ANYTHING`). A wrong answer would cut "example" | ".com" in two, so
    wherever the words sound like the name of a file or host, the caller waits for one more token.
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


# --- pauses within a sentence ---------------------------------------------------------------------------

CLAUSE_MARKS = ",;:—–-،؛，、；："
_WIDE_MARKS = "，、；："
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

CLAUSE_CONJUNCTIONS = "but|because|although|though|whereas|unless"
"""A clause always follows these."""
LOOSE_CONJUNCTIONS = "and|or|so|which|while|since|when|if"
"""A clause follows these if `_SUBJECT` matches behind them."""
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
"""Words that lean on the next one, so that nobody pauses behind them."""

PHRASE_OPENERS = "that|which|who|whose|where|before|after|until|within|during|without|for|from"
"""A phrase follows these; in a clause that is long already, a speaker may breathe in before it."""

CONJUNCTION = rf" (?:(?:{CLAUSE_CONJUNCTIONS}|{LOOSE_CONJUNCTIONS}|{PHRASE_OPENERS})(?=[^\w'’])|\w{{0,9}}\Z)"
"""Matches at the space before a conjunction or phrase, or before a last word that may begin one."""
LONG_CLAUSE_WORDS = 12
"""From so many words on, waiting for the end of a clause is noticed more than a breath in it."""
_CLAUSE = re.compile(rf" (?:{CLAUSE_CONJUNCTIONS})\W")
_PHRASE = re.compile(rf" (?:{PHRASE_OPENERS})(?:\s{{1,9}}[\w'’-]{{1,30}}){{3}}\s")
"""Several words follow, so that no crumb of the sentence is left."""
_PHRASE_BEGUN = re.compile(rf" (?:{PHRASE_OPENERS})(?:\s{{1,9}}[\w'’-]{{1,30}}){{0,3}}\s{{0,9}}\Z")
_LOOSE = re.compile(rf" (?:{LOOSE_CONJUNCTIONS})(?=\W)")
_GROWING = re.compile(r"\s*+\w{0,9}\Z")
_NEXT_LETTER = re.compile(r"\s{1,400}(\S)")


def count_words(text: str) -> int:
    """Count words; two Chinese or Japanese characters, which take as long to say, count as one."""
    return len(text.split()) + len(_CJK.findall(text)) // 2


def pause_cut(text: str, start: int, mark: int, *, eager: bool) -> int | None:
    """Where to cut because of the clause mark at `mark`; 0: nowhere; None: more text must be seen."""
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
    found = _NEXT_LETTER.match(text, end)
    if (name or before.isdigit() or here in "-–") and found is None:
        return None
    after = found[1] if found else ""
    if (before.isdigit() or here in "-–") and after.isdigit():  # "July 5, 2021", "5 - 3"
        return 0
    return 0 if name and after.isupper() else end  # "Paris, France"


def _ends_in_name(text: str, start: int, mark: int) -> bool:
    space = text.rfind(" ", start, mark)
    return text[space + 1 : space + 2].isupper()


def conjunction_cut(text: str, start: int, space: int, *, breaths: bool) -> int | None:
    """Where to cut before the word behind `space`; 0: nowhere; None: more text must be seen.

    With `breaths`, a long clause is also cut before a phrase.
    """
    before = text[start:space].split()
    if not before or before[-1].lower() in _LEANING or not before[-1][-1].isalpha():
        return 0
    if _CLAUSE.match(text, space):
        return space
    if breaths and len(before) >= LONG_CLAUSE_WORDS and not _LOOSE.match(text, space):
        if _PHRASE.match(text, space):
            return space
        if _PHRASE_BEGUN.match(text, space):
            return None
    found = _LOOSE.match(text, space)
    if _GROWING.match(text, space if found is None else found.end()):
        return None
    return space if found and _SUBJECT.match(text, found.end()) else 0


def forced_cut(text: str, start: int, limit: int, *, lines: bool = False) -> int:
    """Where to cut a text that reaches `limit` without an end: at a space or line end of its second half, if
    there is one."""
    half = start + (limit - start) // 2
    space = text.rfind("\n", half, limit)
    if not lines:
        space = max(space, text.rfind(" ", half, limit))
    if space > 0:
        return space
    cut = limit
    while cut > half and _same_grapheme(text[cut - 1], text[cut : cut + 1]):
        cut -= 1
    return cut if cut > half else limit  # one endless grapheme, which no language has


def _same_grapheme(left: str, right: str) -> bool:
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
