"""Makes the names that clients give to documents fit for lists, addresses and headers."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from ...core.errors import BadInput

MAX_PATH_CHARS = 500
"""Characters of a document's path."""
READ_FACTOR = 8
"""Of a long name only so many times the characters that are kept are read: an endless one costs nothing."""


def one_line(text: str, max_chars: int) -> str:
    """`text` on one line: without control characters, in Unicode's NFC, cut after `max_chars` characters."""
    text = unicodedata.normalize("NFC", text[: READ_FACTOR * max_chars].encode("utf-8", "replace").decode())
    return " ".join("".join(" " if _control(letter) else letter for letter in text).split())[:max_chars]


def relative_path(name: str) -> str:
    """`name` as a relative path, with "/" between its parts, none of which is empty, "." or "..".

    Raises `BadInput`: `name_missing`, `name_too_long`.
    """
    looked_at = name[: READ_FACTOR * MAX_PATH_CHARS].replace("\\", "/")
    parts = [one_line(part, len(part)) for part in looked_at.split("/")]
    path = "/".join(part for part in parts if part not in ("", ".", ".."))
    if max(len(path), len(name) // READ_FACTOR) > MAX_PATH_CHARS:
        raise BadInput(
            f"The name “{path[:40]}…” is longer than {MAX_PATH_CHARS} characters.", code="name_too_long"
        )
    if not path:
        raise BadInput("A document needs a name.", code="name_missing")
    return path


def disposition(kind: str, path: str) -> str:
    """A Content-Disposition header (RFC 6266) for the file at the end of `path`."""
    name = path.rstrip("/").rpartition("/")[2] or "document"
    ascii = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    simple = re.sub(r"[^\w .()-]", "_", ascii)
    return f"{kind}; filename=\"{simple}\"; filename*=UTF-8''{quote(name, safe='')}"


def _control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")
