"""Objects that the tests of `pool.py` put into worker processes."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from nexus_voice.core.errors import BadInput, EngineError

Emit = Callable[[Any], None]


class Parrot:
    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        print("a stray line on standard output")
        os.write(1, b"and one from below Python\n")

    def repeat(self, items: Iterator[Any], emit: Emit) -> None:
        for item in items:
            emit(self.prefix + item if isinstance(item, str) else item)

    def pid(self, items: Iterator[Any], emit: Emit) -> None:
        emit(os.getpid())

    def forever(self, items: Iterator[Any], emit: Emit) -> None:
        while True:
            emit(bytes(10_000))

    def deaf(self, items: Iterator[Any], emit: Emit) -> None:
        emit("started")
        time.sleep(60)

    def wrong(self, items: Iterator[Any], emit: Emit) -> None:
        match next(items):
            case "input":
                raise BadInput("no such thing", code="nothing")
            case "engine":
                raise EngineError("later, perhaps", retryable=True)
            case _:
                print("a word for the log", file=sys.stderr)
                raise ZeroDivisionError("a bug")

    def setup(self, items: Iterator[Any], emit: Emit) -> None:
        self.prefix = next(items)
        if not self.prefix:
            raise EngineError("an empty prefix will not do")


def unable() -> None:
    raise EngineError("the model file is missing; run `models pull`")


def dying() -> None:
    os._exit(3)
