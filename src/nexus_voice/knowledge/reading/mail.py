"""Reads e-mail: who wrote to whom and when, the text, and the names of the attachments."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import MIMEPart

from . import html
from .document import Block, Contents, flat
from .text import decode, doubts, plain


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
    names = [flat(name) for part in mail.walk() if (name := part.get_filename())]
    if names:
        blocks.append(Block(f"Attachments: {', '.join(names)}"))
    return Contents(_header(mail, "Subject"), blocks, warnings=warnings)


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
