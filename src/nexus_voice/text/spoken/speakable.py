"""Turns text as a language model writes it into words that a voice can say."""

from __future__ import annotations

import re

from .abbreviations import spoken_abbreviations
from .addresses import spoken_addresses
from .dates import spoken_dates
from .english import is_english
from .figures import spoken_figures
from .lexicon import NAMES
from .markup import prose
from .romans import spoken_romans
from .slashes import spoken_slashes
from .telephone import spoken_telephone_numbers

MAX_CHARS = 8_000
"""Only so many characters of a text are spoken; a piece of `Sentences` is far shorter."""

_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff\u25a0-\u25ff"
_DROPPED = re.compile(
    rf"[{_EMOJI}][{_EMOJI}\u200d\ufe0f\u20e3\U000e0020-\U000e007f]*"
    r"|[\ufe0f\u20e3\u200b\u2060\ufeff\ud800-\udfff™®]"
    r"|(?<!\S)[:;]['’]?-?[()DPp|/\\](?!\w)"
)
_LOST_BEFORE_MARK = re.compile(r" ?\0[ \0]{0,20}(?=[,.;:!?])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NAMES = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, NAMES))})(?!\w)")
_HANDLE = re.compile(r"(?<!\S)[@#](?=[^\W\d])")
_STRAY = re.compile(r"(?<=\w)_+(?=\w)|[$|\\^{}<>#~`]+")
_MARKUP = re.compile(r"(?<=\w)_+(?=\w)|[|\\{}`]+")
_SPACE = re.compile(r"\s+")
_DASH = re.compile(r" -{1,3} |(?<=\w)--(?=\w)| ?[-–—]{1,9} ?\Z")
_TIDY = (
    (_SPACE, " "),
    (re.compile(r" ?[(\[] ?[)\]]"), ""),
    (re.compile(r"\b([Vv]ersion) version\b"), r"\1"),
    (re.compile(r"(?<=[([“]) (?=\w)| (?=[,.)\]](?:\s|\Z))"), ""),
    (re.compile(r"\A[\s,.;:!?)\]…—–/-]+(?=[\w\s\"'“‘(])"), ""),
)
_SAYABLE = re.compile(r"[^\W_]")
PASSES = (
    spoken_abbreviations,
    spoken_addresses,
    spoken_romans,
    spoken_dates,
    spoken_telephone_numbers,
    spoken_slashes,
    spoken_figures,
)


def speakable(text: str, language: str = "") -> str:
    """Return the words of `text` to be spoken, on one line; "" when there is nothing to say.

    It takes the pieces of `Sentences`, so fragments are welcome. Plain prose is returned as it is. In English
    figures, abbreviations and addresses become words; other languages lose their markup only, since every
    voice reads the figures of its own. `language` is an ISO 639-1 code, if it is known. It never raises. At
    most `MAX_CHARS` characters are read, and each becomes fewer than 30.
    """
    text = prose(_CONTROL.sub(" ", text[:MAX_CHARS].replace("\r\n", "\n")))
    english = is_english(text, language)
    if english:
        text = _NAMES.sub(lambda found: NAMES[found[0]], text)
    text = _LOST_BEFORE_MARK.sub("", _DROPPED.sub("\0", text)).replace("\0", " ")
    if english:
        for words_for in PASSES:
            text = words_for(text)
    text = (_STRAY if english else _MARKUP).sub(" ", _HANDLE.sub("", text))
    text = _DASH.sub(", ", _SPACE.sub(" ", text))
    for pattern, replacement in _TIDY:
        text = pattern.sub(replacement, text)
    return text.strip() if _SAYABLE.search(text) else ""
