"""What a server process is: the whole assistant, or one part of it at an address of its own."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    all = "all"
    app = "app"
    """The conversation, with models that are elsewhere."""
    llm = "llm"
    stt = "stt"
    tts = "tts"
    rag = "rag"
    """Documents and embeddings, with a language model that words the answers."""

    @property
    def ports(self) -> tuple[str, ...]:
        """Ports that need engines."""
        return _PORTS.get(self, ("stt", "turn", "llm", "tts", "embedder", "reranker", "search"))

    @property
    def converses(self) -> bool:
        return self in (Role.all, Role.app)


_PORTS = {
    Role.llm: ("llm",),
    Role.stt: ("stt",),
    Role.tts: ("tts",),
    Role.rag: ("embedder", "reranker", "llm"),
}
