"""What a confined process can see and do."""

import os
import resource
from collections.abc import Callable, Iterator
from typing import Any

Emit = Callable[[Any], None]


class Prisoner:
    def environment(self, items: Iterator[Any], emit: Emit) -> None:
        emit(dict(os.environ))

    def write(self, items: Iterator[Any], emit: Emit) -> None:
        try:
            with open(next(items), "wb") as file:
                file.write(b"x")
        except OSError as error:
            emit(type(error).__name__)

    def hoard(self, items: Iterator[Any], emit: Emit) -> None:
        try:
            emit(len(bytearray(next(items))))
        except MemoryError:
            emit("MemoryError")

    def core(self, items: Iterator[Any], emit: Emit) -> None:
        emit([*resource.getrlimit(resource.RLIMIT_CORE), os.nice(0)])

    def die(self, items: Iterator[Any], emit: Emit) -> None:
        os._exit(1)
