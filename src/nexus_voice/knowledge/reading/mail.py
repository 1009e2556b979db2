"""Reads e-mail: who wrote to whom and when, the text, and what is attached."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart

from . import html
from .document import Attachment, Block, Contents, flat
from .limits import MAX_ATTACHMENTS
from .text import decode, doubts, plain

MAX_NAME_CHARS = 150
"""Of an attachment."""
MAX_PARTS = 1_000
"""Of a mail, that are looked at."""


def message(data: bytes) -> Contents:
    """Its title is the subject."""
    mail = message_from_bytes(data, policy=policy.default)
    named = [f"{name}: {text}" for name in ("From", "To", "Date") if (text := _header(mail, name))]
    blocks = [Block("; ".join(named))] if named else []
    warnings = list[str]()
    body = mail.get_body(("plain", "html"))
    if body is not None:
        text = _text(body, warnings)
        blocks += (html.read(text) if body.get_content_subtype() == "html" else plain(text)).blocks
    attached = _attachments(mail, body, warnings)
    if attached:
        blocks.append(Block(f"Attachments: {', '.join(one.name for one in attached)}"))
    return Contents(_header(mail, "Subject"), blocks, warnings=warnings, attachments=attached)


def _attachments(mail: EmailMessage, body: MIMEPart | None, warnings: list[str]) -> list[Attachment]:
    """Those that are not pictures of the text. No two have the same name."""
    found = dict[str, Attachment]()
    left = 0
    for part in _parts(mail):
        type = part.get_content_type()
        written = type in ("text/plain", "text/html") and not part.get_filename()
        if part is body or (written and part.get_content_disposition() != "attachment"):
            continue
        if (
            type.startswith("image/")
            and part["Content-ID"]
            and part.get_content_disposition() != "attachment"
        ):
            continue
        if len(found) >= MAX_ATTACHMENTS:
            left += 1
            continue
        name = _free(_name(part, len(found) + 1), found)
        data = _bytes(part)
        if data:
            found[name] = Attachment(name, type, data)
        else:
            warnings.append(f"The attachment “{name}” is empty or damaged.")
    if left:
        warnings.append(f"Only the first {MAX_ATTACHMENTS} attachments were read; {left} were left out.")
    return list(found.values())


def _parts(mail: EmailMessage) -> Iterator[MIMEPart]:
    """The parts that are not made of others. A mail within the mail is one part."""
    waiting: list[MIMEPart] = [mail]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            waiting += reversed(_within(part))
        else:
            yield part


def _within(part: MIMEPart) -> list[MIMEPart]:
    inner = part.get_payload()
    return [one for one in inner if isinstance(one, MIMEPart)] if isinstance(inner, list) else []


def _name(part: MIMEPart, number: int) -> str:
    """Its file's name, without folders; else one that tells what it is."""
    try:
        given = flat(part.get_filename() or "")
    except Exception:  # Python's parser of headers fails on some malformed ones
        given = ""
    given = "".join(one for one in re.split(r"[/\\]", given)[-1] if one.isprintable()).strip(". ")
    if given:
        stem, dot, suffix = given.rpartition(".")
        return f"{stem[:MAX_NAME_CHARS]}{dot}{suffix[:10]}" if stem else given[:MAX_NAME_CHARS]
    if part.get_content_type() == "message/rfc822":
        inner = _within(part)
        subject = _header(inner[0], "Subject") if inner else ""
        subject = re.sub(r"[/\\]", " ", subject)[:MAX_NAME_CHARS]
        return f"{subject or f'mail {number}'}.eml"
    return f"attachment {number}{mimetypes.guess_extension(part.get_content_type()) or ''}"


def _free(name: str, taken: dict[str, Attachment]) -> str:
    if name not in taken:
        return name
    stem, dot, suffix = name.rpartition(".")
    return next(
        new
        for number in range(2, MAX_ATTACHMENTS + 3)
        if (new := f"{stem} ({number}){dot}{suffix}" if stem else f"{name} ({number})") not in taken
    )


def _bytes(part: MIMEPart) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = _within(part)
        return bytes(inner[0]) if inner else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _header(mail: MIMEPart, name: str) -> str:
    try:
        return flat(str(mail[name] or ""))
    except Exception:  # Python's parser of headers fails on some malformed ones
        return ""


def _text(part: MIMEPart, warnings: list[str]) -> str:
    payload = part.get_payload(decode=True)
    found = decode(payload, str(part.get_content_charset() or "")) if isinstance(payload, bytes) else None
    if found is None:
        warnings.append("The text of the message could not be read.")
        return ""
    warnings += doubts(found)
    return found.text
