"""Reads e-mail: who wrote to whom and when, the text, and the names of the attachments."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import MIMEPart

from . import html
from .document import Block, Contents, flat
from .text import decode, plain


def message(data: bytes) -> Contents:
    """Its title is the subject."""
    mail = message_from_bytes(data, policy=policy.default)
    named = [f"{header}: {flat(str(mail[header]))}" for header in ("From", "To", "Date") if mail[header]]
    blocks = [Block("; ".join(named))] if named else []
    body = mail.get_body(("plain", "html"))
    if body is not None:
        text = _text(body)
        blocks += (html.read(text) if body.get_content_subtype() == "html" else plain(text)).blocks
    names = [flat(name) for part in mail.walk() if (name := part.get_filename())]
    if names:
        blocks.append(Block(f"Attachments: {', '.join(names)}"))
    return Contents(flat(str(mail["Subject"] or "")), blocks)


def _text(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except LookupError:  # Python does not know the encoding
        payload = part.get_payload(decode=True)
        return decode(payload) or "" if isinstance(payload, bytes) else ""
