"""Turns Markdown and HTML into plain prose, fragments too: a mark that is never closed vanishes.

This is no parser, since a voice needs the words in order and no structure. Every quantifier is bounded or
cannot backtrack, so that the time is linear.
"""

from __future__ import annotations

import re
from html import unescape

from .lexicon import CODE, TABLE

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})([^`]*)$")
_FENCE_IN_LINE = re.compile(r"(?<=[^\s`~])[ \t]{0,9}(?=```[\w+-]{0,20}\n)")
_RULE = re.compile(r"[ \t]*(?:(?:[-*_][ \t]*){3,}|={3,}[ \t]*)$")
_LINK_TARGET = re.compile(r"[ \t]*\[[^\]]{1,100}\]:[ \t]*\S+.*$")
_SEPARATOR = re.compile(r"[ \t|:]*+-[ \t|:-]*+$")
_LEAD = re.compile(
    r"[ \t]*(?:>[ \t]*)*(?:(#{1,6})[ \t]+|([-*+•‣◦▪])[ \t]+(?:\[[ xX]\][ \t])?|(?=[0-9]{1,3}[.)][ \t]))"
)
_QUOTE = re.compile(r"[ \t]*(?:>[ \t]?)+")

_HIDDEN = re.compile(r"<!--.{0,2000}?-->|<(script|style)\b[^>]{0,300}>.{0,2000}?</\1>", re.S | re.I)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)[ /]{0,3}>", re.I)
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto):[^\s<>]{1,500}|[\w.+-]{1,64}@[\w.-]{1,200})>", re.I)
_TAG = re.compile(r"</?[a-z][a-z0-9-]{0,30}(?:\s[^<>]{0,500})?/?>", re.I)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});?", re.I)
"""Bounded, because `unescape` raises an error for a number of thousands of digits."""

_CODE_SPAN = re.compile(r"(`{1,3})([^`\n]{1,500})\1")
_CITATION = re.compile(
    r"[ \t]?(?:\[(?:\^?[0-9]{1,3}|\^\w{1,20})(?:[ ]?[,;–-][ ]?\^?[0-9]{1,3}){0,9}\]"
    r"(?:\([^()\n]{0,500}\))?|【[^】\n]{0,80}】)"
)
_IMAGE = re.compile(r"!\[([^\]\n]{0,200})\](?:\([^()\n]{0,500}(?:\)|$))?")
_LINK = re.compile(
    r"\[(?!\^?[0-9]{1,3}\])([^\[\]\n]{1,300})\]"
    r"(?:\([^()\n]{0,500}(?:\([^()\n]{0,100}\)[^()\n]{0,200})?(?:\)|$)|\[[^\]\n]{0,100}\])"
)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])")
_TIMES = re.compile(r"(?<=[0-9]) ?\* ?(?=[0-9])")
_EMPHASIS = re.compile(r"\*+|~~|`+|(?<!\S)==(?=\w)|(?<=\w)==(?!\w)|(?<!\w)_+|(?<!_)_++(?!\w)|\$\$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CODE_ONLY = re.compile(r"[(){}\[\];\"'$|]+|(?<!\S)-+(?=\w)|::")
_ADDRESS = re.compile(r"[^\s/\\@]*[/\\@]\S*|[\w-]*\.[\w.-]+")


def prose(text: str) -> str:
    """Return the words of `text` as running text on one line."""
    lines = _FENCE_IN_LINE.sub("\n", _unhtml(text)).splitlines()
    if _ends_code_begun_earlier(lines):
        return ""
    out: list[str] = []
    table: list[str] = []
    fence = ""
    for line in [*lines, ""]:
        opened = _FENCE.match(line)
        if fence:
            if opened and opened[1].startswith(fence) and not opened[2].strip():
                fence = ""
            continue
        if line.lstrip(" >").startswith("|"):
            table.append(line)
            continue
        if table:
            out.append(_table(table))
            table = []
        if opened:
            fence = opened[1]
            out.append(CODE)
        elif not _RULE.match(line) and not _LINK_TARGET.match(line):
            out.append(_line(line))
    return _joined(out)


def _unhtml(text: str) -> str:
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", _AUTOLINK.sub(r"\1", _HIDDEN.sub(" ", text))))
    return _ENTITY.sub(lambda found: unescape(found[0]), text) if "&" in text else text


def _ends_code_begun_earlier(lines: list[str]) -> bool:
    """Whether this is the second part of a code block that was cut in two; its first part was announced."""
    fences = [at for at, line in enumerate(lines) if _FENCE.match(line)]
    if len(fences) != 1 or fences[0] == 0:
        return False
    before, after = lines[: fences[0]], lines[fences[0] + 1 :]
    return (
        any(map(str.strip, before)) and not any(map(str.strip, after)) and not lines[fences[0]].strip(" `~>")
    )


def _line(line: str) -> str:
    """Return a line's words. A heading or list item keeps a newline, which tells it from wrapped text."""
    lead = _LEAD.match(line)
    if lead is None:
        quote = _QUOTE.match(line)
        return _inline(line[quote.end() :] if quote else line)
    said = _inline(line[lead.end() :].rstrip("# \t"))
    return f"{said}\n" if said.strip() else ""


def _joined(parts: list[str]) -> str:
    text = ""
    pieces: list[str] = []
    for part in filter(str.strip, parts):
        breaks = text.endswith("\n") or part.endswith("\n")
        if pieces and breaks and text.rstrip()[-1:] not in ".!?:;,…。！？":
            pieces.append(".")
        pieces += [" ", part.rstrip("\n")]
        text = part
    return "".join(pieces)


def _table(rows: list[str]) -> str:
    cells = [
        [_inline(cell).strip() for cell in row.strip(" \t>|").split("|")]
        for row in rows
        if not _SEPARATOR.match(row)
    ]
    if len(cells) == len(rows):  # no header: a fragment
        return ", ".join(filter(None, cells[0])) + "." if len(cells) == 1 else TABLE
    header, body = cells[0] if cells else [], cells[1:]
    if not body or len(body) > 3 or len(header) > 3:
        return TABLE if body else ", ".join(filter(None, header))
    return " ".join(
        ", ".join(f"{name}: {value}" for name, value in zip(header, row, strict=False) if value) + "."
        for row in body
    )


def _inline(text: str) -> str:
    if "`" in text:
        text = _CODE_SPAN.sub(_code, text)
    if "[" in text or "【" in text:
        text = _CITATION.sub("", _LINK.sub(r"\1", _IMAGE.sub(r"\1", text)))
    if "\\" in text:
        text = _ESCAPE.sub(r"\1", text)
    if "*" in text:
        text = _TIMES.sub(" × ", text)
    return _EMPHASIS.sub("", text)


def _code(found: re.Match[str]) -> str:
    code = found[2].strip()
    if _ADDRESS.fullmatch(code):
        return code
    return _CAMEL.sub(" ", _CODE_ONLY.sub(" ", code)).strip()
