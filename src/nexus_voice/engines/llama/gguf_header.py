"""What a GGUF file says of itself, without reading its weights (ggml's docs/gguf.md, versions 2 and 3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_FORMATS = dict(enumerate(("B", "b", "H", "h", "I", "i", "f", "?", "", "", "Q", "q", "d")))
_STRING, _ARRAY = 8, 9
_MOST = 1 << 24
"""No count in a real header is larger."""


@dataclass(frozen=True, slots=True)
class Header:
    """`size` of the file and `per_token`, memory for one token of context (16-bit cache), in bytes;
    `context` is the longest the model was trained for, in tokens (0: not said)."""

    size: int
    context: int
    per_token: int


def read(path: Path) -> Header:
    """Raises `ValueError` for what is no GGUF model, `OSError` for what cannot be read."""
    with path.open("rb") as file:
        try:
            values = _metadata(file)
        except (struct.error, KeyError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError("its header is damaged") from error
    kind = values.get("general.architecture", "")

    def number(name: str, default: int = 0) -> int:
        value = values.get(f"{kind}.{name}", default)
        return value if isinstance(value, int) else default

    heads = number("attention.head_count", 1)
    of_each = values.get(f"{kind}.attention.head_count_kv", heads)
    total = sum(of_each) if isinstance(of_each, list) else of_each * number("block_count")
    width = number("embedding_length") // max(heads, 1)
    wide = number("attention.key_length", width) + number("attention.value_length", width)
    return Header(path.stat().st_size, number("context_length"), 2 * wide * total)


def _metadata(file: BinaryIO) -> dict[str, Any]:
    if file.read(4) != b"GGUF":
        raise ValueError("it is not a GGUF file")
    version, _, count = struct.unpack("<IQQ", _exactly(file, 20))
    if version not in (2, 3) or count > _MOST:
        raise ValueError(f"its format (version {version}) is not known")
    values: dict[str, Any] = {}
    for _ in range(count):
        name = _string(file)
        if name.startswith("tokenizer."):  # comes last, and is long
            break
        values[name] = _value(file, *struct.unpack("<I", _exactly(file, 4)))
    return values


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        inner, count = struct.unpack("<IQ", _exactly(file, 12))
        if count > _MOST:
            raise ValueError("its header is damaged")
        return [_value(file, inner) for _ in range(count)]
    form = "<" + _FORMATS[kind]
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))[0]


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", _exactly(file, 8))
    return _exactly(file, min(length, _MOST)).decode()


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise ValueError("it ends in the middle of its header")
    return data
