"""Checks before llama.cpp is started that program, model file and memory will do, and says plainly if not."""

from __future__ import annotations

import os
import shutil
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, BinaryIO

from ...core.errors import EngineError
from .server import CACHE_MB, Orders

INSTALL = "pip install 'nexus-voice[local]' or put llama-server on PATH"
GPUS = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
"""Device files of NVIDIA's and AMD's drivers. With a GPU the weights need not fit into main memory."""
CPU_BATCH_TOKENS, GPU_BATCH_TOKENS = 128, 2048
"""Tokens of a prompt that are read at a time. Until they are, the server goes on with no other answer and
does not notice that a question was given up. 128 cost a processor 15 % more than llama.cpp's usual 2048."""
GB = 1 << 30
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
VALUE_FORMATS = dict(enumerate(("B", "b", "H", "h", "I", "i", "f", "?", "", "", "Q", "q", "d")))
STRING_TYPE, ARRAY_TYPE = 8, 9
MAX_COUNT = 1 << 24
"""Larger than any count in a real header."""


def plan(path: Path, context: int, parallel: int, threads: int, gpu_layers: int, binary: str) -> Orders:
    """What to run; see `LlamaCppLlm` for the arguments. Raises `EngineError`."""
    program = _program(binary)
    try:
        header = read_header(path)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"The language model {path.stem} cannot be used: {error}. Pull it again.", code="model_broken"
        ) from error
    context = min(context, header.context or context)
    needed = header.size + context * parallel * header.per_token + (CACHE_MB << 20)
    free = free_memory()
    in_main = gpu_layers == 0 or not any(gpu.exists() for gpu in GPUS)
    if in_main and free is not None and needed > free:
        raise EngineError(
            f"The language model {path.stem} with {context} tokens of context for each of {parallel} "
            f"conversations needs {needed / GB:.1f} GB of memory, and {max(free, 0) / GB:.1f} GB are free. "
            "Choose a smaller model, or a smaller context.",
            code="model_memory",
        )
    # One core stays free: llama.cpp's threads wait for each other, and slow to a crawl when one must share.
    # Reading a prompt, mostly while nobody is spoken to, is worth both of two cores.
    writing, reading = max(1, _cores() - 1), max(min(2, _cores()), _cores() - 1)
    return Orders(
        str(path),
        path.stem,
        token_urlsafe(32),
        context,
        parallel,
        threads or writing,
        threads or reading,
        CPU_BATCH_TOKENS if in_main else GPU_BATCH_TOKENS,
        gpu_layers,
        program,
    )


def _program(binary: str) -> str:
    """The path of a `llama-server`, or "" for the one in xllamacpp."""
    found = shutil.which(binary or "llama-server")
    if found is None and (binary or find_spec("xllamacpp") is None):
        missing = f"There is no program {binary!r}" if binary else "llama.cpp is not installed"
        raise EngineError(f"{missing}: {INSTALL}.", code="engine_not_installed")
    return found or ""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself (ggml's docs/gguf.md, versions 2 and 3).

    `size` is the file's and `per_token` the memory for one token of context (16-bit cache), both in bytes;
    `context` is the longest that the model was trained for, in tokens (0: not said).
    """

    size: int
    context: int
    per_token: int


def read_header(path: Path) -> Header:
    """Read the header without the weights. Raises `ValueError` if it is no GGUF model, and `OSError`."""
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
    if version not in (2, 3) or count > MAX_COUNT:
        raise ValueError(f"its format (version {version}) is not known")
    values: dict[str, Any] = {}
    for _ in range(count):
        name = _string(file)
        if name.startswith("tokenizer."):  # comes last, and is long
            break
        values[name] = _value(file, *struct.unpack("<I", _exactly(file, 4)))
    return values


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == STRING_TYPE:
        return _string(file)
    if kind == ARRAY_TYPE:
        inner, count = struct.unpack("<IQ", _exactly(file, 12))
        if count > MAX_COUNT:
            raise ValueError("its header is damaged")
        return [_value(file, inner) for _ in range(count)]
    form = "<" + VALUE_FORMATS[kind]
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))[0]


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", _exactly(file, 8))
    return _exactly(file, min(length, MAX_COUNT)).decode()


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise ValueError("it ends in the middle of its header")
    return data


def free_memory() -> int | None:
    """Bytes that a new process can have without swapping, within a container's limit; None if nothing
    says."""
    known = [free for free in (_machine(), _container()) if free is not None]
    return min(known, default=None)


def _machine() -> int | None:
    """Linux's own estimate: free memory and what the page cache could give back (proc(5))."""
    found = _fields(MEMINFO).get("MemAvailable:")
    return None if found is None else found * 1024


def _container() -> int | None:
    """What a control group (version 2) leaves, counting its idle page cache as free."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    if not limit.isdecimal():  # "max"
        return None
    return int(limit) - used + _fields(CGROUP / "memory.stat").get("inactive_file", 0)


def _fields(path: Path) -> dict[str, int]:
    try:
        rows = (line.split() for line in path.read_text().splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}
    except OSError:
        return {}
