"""Names that strangers give to documents, made fit for lists, addresses and headers."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from ...core.errors import BadInput

LONGEST = 500
"""Characters of a path."""
ROOM = 8
"""Times as many characters as are kept are looked at: the rest of an endless name costs nothing."""


def plain(text: str, most: int) -> str:
    """One line without control characters, composed as Unicode's NFC, cut after `most` characters."""
    text = unicodedata.normalize("NFC", text[: ROOM * most].encode("utf-8", "replace").decode())
    return " ".join("".join(" " if _control(letter) else letter for letter in text).split())[:most]


def relative(name: str) -> str:
    """A path below nowhere: "/" between its parts, none of them empty, "." or "..".

    Raises `BadInput`: `name_missing`, `name_too_long`.
    """
    looked_at = name[: ROOM * LONGEST].replace("\\", "/")
    parts = [plain(part, len(part)) for part in looked_at.split("/")]
    path = "/".join(part for part in parts if part not in ("", ".", ".."))
    if max(len(path), len(name) // ROOM) > LONGEST:
        raise BadInput(f"The name “{path[:40]}…” is longer than {LONGEST} characters.", code="name_too_long")
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
