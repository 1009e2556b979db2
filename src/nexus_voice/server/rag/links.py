"""Where a browser opens a passage."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from ...core.chat import Passage
from ...core.events import Source


def link(passage: Passage) -> str:
    """The passage's place in our copy of its document, else its address on the web; "" when there is
    neither."""
    if passage.document and passage.document != passage.url:
        path = f"/rag/documents/{quote(passage.document, safe='')}"
        if passage.page is not None and passage.type in ("", "application/pdf"):
            return f"{path}/original#page={passage.page}"
        return f"{path}/text?at={passage.position}#passage"
    return passage.url if passage.url.lower().startswith(("http://", "https://")) else ""


def sources(passages: Iterable[Passage]) -> list[Source]:
    """The passages as clients see them."""
    return [Source.of(passage, link(passage)) for passage in passages]
