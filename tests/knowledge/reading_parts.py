"""The parser of the reader's processes, but some names make it misbehave as a library might."""

from __future__ import annotations

import os
from typing import Any

from nexus_voice.knowledge.reading import parsing
from nexus_voice.knowledge.reading.parsing import Parser
from nexus_voice.knowledge.reading.read import read_as


def odd(name: str, *rest: Any) -> Any:
    match name:
        case "endless":
            while True:
                pass
        case "greedy":
            hoard = []
            while True:
                hoard.append(bytearray(1_000_000))
        case "crash":
            os.abort()
    return read_as(name, *rest)


parsing.read_as = odd

__all__ = ["Parser"]
