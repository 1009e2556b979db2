"""Tells in which encoding a text is: by its mark, by being UTF-8, by what is declared, by its letters.

What nothing declares is decoded in every usual encoding, and each result is judged by how probable its
letters are in the languages that are written in it. (charset-normalizer was tried: of 98 texts of a few
sentences it put 24 into a wrong encoding.)
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from .letters import LANGUAGES, PRIOR_BITS, bits_of

BOMS = {  # the longer ones first, because UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
LABELS = {
    **dict.fromkeys(("ascii", "us-ascii", "latin1", "iso-8859-1", "iso8859-1", "iso_8859-1", "l1"), "cp1252"),
    **dict.fromkeys(("iso-8859-9", "latin5", "iso8859-9"), "cp1254"),
    **dict.fromkeys(("iso-8859-11", "tis-620", "windows-874"), "cp874"),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e", "logical", "visual"), "iso8859_8"),
    **dict.fromkeys(("iso-8859-6-i", "iso-8859-6-e"), "iso8859_6"),
    **dict.fromkeys(("gb2312", "gbk", "gb_2312-80", "gb_2312", "x-gbk", "chinese"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "euckr", "ks_c_5601-1987", "ks_c_5601", "korean", "windows-949"), "cp949"),
    **dict.fromkeys(("big5", "big5-hkscs", "x-x-big5", "cn-big5"), "big5hkscs"),
    **dict.fromkeys(("unicode", "utf-16", "utf-16le", "ucs-2"), "utf-16-le"),
    "x-euc-jp": "euc_jp", "x-mac-roman": "mac_roman", "macintosh": "mac_roman", "unicode-1-1-utf-8": "utf-8",
}  # fmt: skip
"""Names that mean another encoding than Python thinks, as WHATWG's encoding standard has them."""
SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
"""Half of a pair of UTF-16, which some programs write into UTF-8: one broken character, not three."""
UTF8_CHAR = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""A character beyond ASCII."""
SAMPLE_BYTES = 65_536
MAX_JUDGED_CHARS = 3_000
"""Letters beyond ASCII that are judged in each encoding."""
MIN_MARGIN_BITS = 6.0
"""By so much the best encoding must be more probable than the next one with another text."""
MIN_CHAR_BITS = -11.0
"""The least probability of a letter, on average, for a text to be one."""
MAX_REPLACED = 0.002
"""Share of a text's characters that may be broken."""
MAX_DOUBTFUL = 0.05
"""Share of a text's characters that may be a guess."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text; how many of its characters could not be decoded; and whether its encoding is in doubt."""

    text: str
    broken: int = 0
    doubtful: bool = False

    @property
    def useless(self) -> bool:
        """Whether so many characters are in doubt that the text cannot be used."""
        foreign = sum(char > "\x7f" for char in self.text[:SAMPLE_BYTES])
        return self.doubtful and foreign > MAX_DOUBTFUL * min(len(self.text), SAMPLE_BYTES)


def decode(data: bytes, declared: str = "") -> Decoded:
    """The text of bytes. `declared` is the name of the encoding that a header gives."""
    for mark, encoding in BOMS.items():
        if data.startswith(mark):
            return _replaced(data, encoding)
    if wide := _wide(data[:SAMPLE_BYTES]):
        return _replaced(data, wide)
    seven = _seven_bits(data)
    if seven is not None:
        return Decoded(seven)
    try:
        return Decoded(data.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    named = codec(declared)
    if named and named != "utf-8" and (text := _strict(data, named)) is not None:
        return Decoded(text)
    if named == "utf-8" or _mostly_utf8(data):
        found = _replaced(data, "utf-8")
        if found.broken <= max(1, MAX_REPLACED * len(found.text)) or named:
            return found
    encoding, sure = detected(data[:SAMPLE_BYTES])
    found = _replaced(data, encoding or "cp1252")
    return Decoded(found.text, found.broken, not sure)


def codec(label: str) -> str:
    """Python's name of an encoding; "" if it knows none."""
    label = label.strip().strip("\"'").lower()
    try:
        return LABELS.get(label) or codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""


def detected(sample: bytes) -> tuple[str, bool]:
    """(the most probable encoding, whether that is certain enough)."""
    found = list[tuple[float, str, str]]()  # bits, encoding, text
    for encoding, languages in LANGUAGES.items():
        text = _begun(sample, encoding)
        if text is None:
            continue
        high = [index for index, char in enumerate(text) if char >= "\x80"][:MAX_JUDGED_CHARS]
        bits = max(bits_of(text, high, encoding, language) for language in languages)
        bits += PRIOR_BITS.get(encoding, 0.0)
        # Per byte, so that each encoding has judged equally much.
        size = len(sample) if len(high) < MAX_JUDGED_CHARS else len(text[: high[-1] + 1].encode(encoding))
        found.append((bits * len(sample) / max(size, 1), encoding, text))
    found.sort(key=lambda one: -one[0])
    if not found:
        return "", False
    best, encoding, text = found[0]
    other = next((bits for bits, _, another in found if another != text), best - 1_000)
    count = sum(char >= "\x80" for char in text) or 1
    return encoding, best - other >= MIN_MARGIN_BITS and best / count >= MIN_CHAR_BITS


def _wide(sample: bytes) -> str:
    """UTF-16 without a mark: every second byte of much of it is zero."""
    sample = sample[: len(sample) // 2 * 2]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if not even + odd or max(even, odd) * 10 < len(sample) // 2 or min(even, odd) * 10 > max(even, odd):
        return ""
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    return encoding if _begun(sample, encoding) is not None else ""


def _seven_bits(data: bytes) -> str | None:
    """The text of ISO 2022, which has escapes where others have high bytes."""
    if b"\x1b$" not in data[:SAMPLE_BYTES] or not data.isascii():
        return None
    for encoding in ("iso2022_jp_2", "iso2022_kr"):
        if (text := _strict(data, encoding)) is not None:
            return text
    return None


def _mostly_utf8(data: bytes) -> bool:
    """Whether most of the high bytes are parts of characters in UTF-8."""
    high = len(re.findall(rb"[\x80-\xff]", data))
    return sum(map(len, UTF8_CHAR.findall(data))) * 2 > high


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _replaced(data: bytes, encoding: str) -> Decoded:
    whole = SURROGATE.sub("�".encode(), data) if encoding == "utf-8" else data
    text = whole.decode(encoding, "replace")
    return Decoded(text, text.count("�") - data.count("�".encode()) if "�" in text else 0)


def _begun(sample: bytes, encoding: str) -> str | None:
    """The text of a sample, whose last character may be cut off if it is as long as a sample may be."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample, len(sample) < SAMPLE_BYTES)
    except UnicodeDecodeError:
        return None
