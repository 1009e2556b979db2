"""How much of a document is taken."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Limits:
    """`size` in bytes, `unpacked` in bytes of all files in an archive together, `text` in characters."""

    size: int = 50_000_000
    unpacked: int = 500_000_000
    pages: int = 5_000
    text: int = 20_000_000

    def check_size(self, name: str, size: int) -> None:
        if size > self.size:
            raise excess(name, f"has {size:,} bytes; at most {self.size:,} are taken", "too_large")

    def check_pages(self, name: str, pages: int) -> None:
        if pages > self.pages:
            raise excess(name, f"has {pages:,} pages; at most {self.pages:,} are taken", "too_many_pages")

    def check_text(self, name: str, length: int) -> None:
        if length > self.text:
            raise excess(name, f"holds more than {self.text:,} characters of text", "too_much_text")


def excess(name: str, what: str, code: str) -> BadInput:
    return BadInput(f"“{name}” {what}. Split it into parts.", code=code, status=413)
