"""How a language model's tokens may arrive."""

import re

from nexus_voice.text.sentences.splitter import Sentences


def split(tokens: list[str], first_words: int = 0) -> list[str]:
    sentences = Sentences(first_words)
    pieces = [piece for token in tokens for piece in sentences.feed(token)]
    return pieces + sentences.close()


def by_words(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+", text)


def by_tokens(text: str) -> list[str]:
    """As byte-pair tokenizers do: " word", a mark with the letters after it (".com")."""
    return re.findall(r"\n+|[^\w\s]?[^\W\d]+| ?\w+|\s+(?!\S)| ?[^\w\s]+|\s", text)


def by_bare_tokens(text: str) -> list[str]:
    """As SentencePiece does: every mark alone, so that "example.com" is three tokens."""
    return re.findall(r" ?\w+|[^\w]", text)
