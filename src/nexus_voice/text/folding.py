"""Text as it is compared and indexed: small letters without accents, and groups of two or three signs where a
script puts no spaces between its words."""

from __future__ import annotations

import re
import unicodedata

_VARIANTS = re.compile(
    "[\u2f00-\u2fdf\u3131-\u318e\u3200-\u33ff\uf900-\ufaff\ufb00-\ufb06\ufb1d-\ufdff\ufe70-\ufefc\uff01-\uffdc"
    "\U0001d400-\U0001d7ff]+"
)
"""Other shapes of the same signs, made plain by NFKC: ligatures, full-width and half-width forms, letters of
formulas. Not all that NFKC changes: "10²" is not "102"."""
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]+")
"""Accents, and the marks and vowels of Hebrew and Arabic, which most texts leave out."""
_LETTERS = {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"}
"""What Unicode does not take apart, as it is usually typed where the letter is missing."""
_LETTER_LEFT = re.compile(f"[{''.join(_LETTERS)}]")

_ALPHABETS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecf\u0edc-\u0edf"  # Thai, Lao
    "\u1000-\u103f\u1050-\u109f\u1780-\u17d3"  # Burmese, Khmer
)
_CHARACTERS = (
    "\u1100-\u11ff\uac00-\ud7a3"  # Korean: its words take endings without a space
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003fffd"  # Chinese characters
)
UNSPACED = _ALPHABETS + _CHARACTERS
"""The inside of a character class: signs that are not parted into words by spaces."""
_RUN = re.compile(f"[{_ALPHABETS}]+|[{_CHARACTERS}]+")
_ALPHABETIC = re.compile(f"[{_ALPHABETS}]")
SIGNS_MARKS = (
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecf\u102b-\u103e\u1056-\u1059\u17b4-\u17d3"
    "\u1160-\u11ff\u3099\u309a"
)
_MARKED = re.compile(f"[{SIGNS_MARKS}]")
_SIGN = re.compile(f".[{SIGNS_MARKS}]*", re.DOTALL)
_INDIAN_MARKS = "\u0900-\u0903\u093a-\u094f\u0962\u0963\u0981-\u0dff"
"""Vowels and marks of the scripts of India, which are parts of words."""
_WORD = re.compile(
    f"[{_ALPHABETS}]++|[{_CHARACTERS}]++|(?:[^\\W_{UNSPACED}]|[{_INDIAN_MARKS}])++(?:'(?:[^\\W_{UNSPACED}])++)*+"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_FOREIGN = re.compile("[^\0-\x7f\u2010-\u2027\u2030-\u205e\u2190-\u2bff]")
"""Whatever is neither ASCII nor punctuation."""


_LETTER = re.compile(r"[^\W\d_]+")
_LATIN_LETTER = re.compile("[a-zA-Z\u00aa-\u024f\u1e00-\u1eff]+")


def is_latin(text: str) -> bool:
    """Whether most of its letters are Latin, if it has any."""
    if text.isascii():
        return True
    letters = sum(map(len, _LETTER.findall(text)))
    return 2 * sum(map(len, _LATIN_LETTER.findall(text))) >= letters


def is_foreign(text: str) -> bool:
    """Whether it has anything but ASCII and punctuation."""
    return not text.isascii() and _FOREIGN.search(text) is not None


def folded(text: str) -> str:
    """Small letters, without accents or other shapes of a letter: "Café" -> "cafe", "Ｇroß" -> "gross"."""
    if not is_foreign(text):
        return text.lower()
    text = _VARIANTS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _MARKS.sub("", unicodedata.normalize("NFD", text.casefold()))
    text = _LETTER_LEFT.sub(lambda found: _LETTERS[found[0]], text)
    return unicodedata.normalize("NFC", text)


def words_and_runs(text: str) -> list[str]:
    """Words and numbers, folded and without punctuation; of an unspaced script a whole run of signs."""
    text = folded(text).replace("’", "'")
    return (_WORD if is_foreign(text) else _ASCII_WORD).findall(text)


def is_run(word: str) -> bool:
    """Whether it is a run of an unspaced script."""
    return not word.isascii() and _RUN.match(word) is not None


def signs(run: str) -> list[str]:
    """The signs of a run, each with its marks."""
    return _SIGN.findall(run) if _MARKED.search(run) else list(run)


def grams(run: str) -> list[str]:
    """Each two neighbouring signs of a run, as Lucene's CJKBigramFilter has them; of an alphabet each three.
    A shorter run as it is."""
    single = signs(run)
    return _joined(single, min(_width(run), len(single)))


def parts(run: str) -> list[str]:
    """Everything that a question may look up in a run: signs, pairs, and of an alphabet groups of three."""
    single = signs(run)
    found = single + _joined(single, 2)
    return found + _joined(single, 3) if _width(run) == 3 else found


def _joined(signs: list[str], width: int) -> list[str]:
    """Each `width` (1 to 3) neighbours."""
    return list(map("".join, zip(*(signs[at:] for at in range(width)), strict=False)))


def _width(run: str) -> int:
    """A sign of an alphabet tells less than one of Chinese or a Korean syllable."""
    return 3 if _ALPHABETIC.match(run) else 2


def indexed(text: str) -> str | None:
    """The text for a word index that parts words at spaces and folds only what is ASCII; None where that is
    the text as it is."""
    if not is_foreign(text):
        return None
    return _RUN.sub(lambda found: f" {' '.join(parts(found[0]))} ", folded(text))
