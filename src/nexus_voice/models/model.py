"""What is known of a model: where it comes from, which engine runs it, and what its licence allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from ..core.chat import Skill
from ..core.errors import BadInput

Port = Literal["stt", "turn", "llm", "tts", "embedder", "reranker"]
Kind = Literal["whisper", "smart_turn", "llamacpp", "piper", "e5", "xtts", "crossencoder"]
PORTS: tuple[Port, ...] = ("stt", "turn", "llm", "tts", "embedder", "reranker")
ANY_LANGUAGE = "*"
"""Stands for about a hundred languages."""


@dataclass(frozen=True, slots=True)
class File:
    """`checksum` is `sha256:<hex>`, or `git:<hex>`, the SHA-1 of a git blob: the hub's for small files."""

    name: str
    size: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Model:
    """`files` are paths in the hub's repository; here they lie side by side under their last names."""

    name: str
    port: Port
    kind: Kind
    """The engine's kind."""
    repo: str
    files: tuple[str, ...]
    size: int
    """Bytes, roughly; 0 when unknown."""
    licence: str
    languages: tuple[str, ...]
    """ISO 639-1 codes, or `ANY_LANGUAGE`."""
    about: str
    terms: str = ""
    """What must be accepted before the first pull; empty when nothing must."""
    revision: str = "main"
    skill: Skill = "tools"
    """Of a language model."""

    @property
    def entry(self) -> str:
        """The one file that the engine wants, or empty when it wants the folder."""
        ending = {"llamacpp": ".gguf", "piper": ".onnx", "smart_turn": ".onnx"}.get(self.kind)
        return next((local(path) for path in self.files if ending and path.endswith(ending)), "")

    def speaks(self, language: str) -> bool:
        """Whether the model knows a language ("de", "de-AT"); true for an empty one."""
        code = re.split("[-_]", language.lower())[0]
        return not code or ANY_LANGUAGE in self.languages or code in self.languages


def local(path: str) -> str:
    """The file's name here. Raises `BadInput` for a path that could lead out of the model's folder."""
    parts = path.split("/")
    if not all(re.fullmatch(r"(?!\.)[\w.+-]+", part) for part in parts):
        raise BadInput(f"{path!r} is no file name that a model may have.", code="bad_file_name")
    return PurePosixPath(path).name
