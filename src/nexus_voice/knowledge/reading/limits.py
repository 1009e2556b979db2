"""How much of a document is taken, and what is said of a file that is not."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.errors import BadInput

MAX_ATTACHMENTS = 50
"""Of one e-mail, those of the mails within it included."""
MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE_PX = 3_000_000, 8_000
"""Of a page that is read from a picture: 180 dots per inch of A4. A larger one is made smaller."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`size` in bytes, `unpacked` in bytes of all files in an archive together, `text` in characters. `scans`
    are the pages that are read from pictures, and `scan_seconds` the time for all of them."""

    size: int = 50_000_000
    unpacked: int = 500_000_000
    pages: int = 5_000
    text: int = 20_000_000
    scans: int = 500
    scan_seconds: int = 3_600

    def check_size(self, name: str, size: int) -> None:
        if size > self.size:
            raise too_much(name, f"has {size:,} bytes; at most {self.size:,} are taken", "too_large")

    def check_pages(self, name: str, pages: int) -> None:
        if pages > self.pages:
            raise too_much(name, f"has {pages:,} pages; at most {self.pages:,} are taken", "too_many_pages")

    def check_text(self, name: str, length: int) -> None:
        if length > self.text:
            raise too_much(name, f"holds more than {self.text:,} characters of text", "too_much_text")


def too_much(name: str, what: str, code: str) -> BadInput:
    return BadInput(f"“{name}” {what}. Split it into parts.", code=code, status=413)


def unsupported(name: str, what: str, advice: str) -> BadInput:
    message = f"“{name}” was not added: {what} cannot be read. {advice}"
    return BadInput(message, code="unsupported_type", status=415)


def empty(name: str, why: str = "holds no text") -> BadInput:
    return BadInput(f"“{name}” {why}.", code="empty_document", status=422)


def broken(name: str) -> BadInput:
    return BadInput(
        f"“{name}” is damaged and cannot be read. Open it in the program that made it, save it again, and "
        "try once more.",
        code="broken_document",
        status=422,
    )


def encrypted(name: str) -> BadInput:
    return BadInput(
        f"“{name}” is protected by a password. Save it without one and try again.",
        code="encrypted_document",
        status=422,
    )


def too_slow(name: str, seconds: float) -> BadInput:
    return BadInput(
        f"“{name}” could not be read within {seconds:g} seconds. Split it into parts, or save it in a "
        "simpler form, such as text.",
        code="too_slow",
        status=422,
    )


def unknown_encoding(name: str) -> BadInput:
    return BadInput(
        f"“{name}” was not added: nobody can tell for certain in which encoding its text is. Open it in the "
        "program that made it, save it as UTF-8, and try once more.",
        code="unknown_encoding",
        status=422,
    )
