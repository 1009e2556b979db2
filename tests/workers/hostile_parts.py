"""A worker whose code has been taken over: it reaches for the pipes and the system behind its host's back."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Emit = Callable[[Any], None]


def pipes(emit: Any) -> tuple[int, int]:
    """The real input and output, which `Host` keeps to itself."""
    host = emit.__self__._host
    return host._in, host._out


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


class Hostile:
    def pid(self, items: Iterator[Any], emit: Emit) -> None:
        emit(os.getpid())

    def repeat(self, items: Iterator[Any], emit: Emit) -> None:
        for item in items:
            emit(item)

    def write(self, items: Iterator[Any], emit: Emit) -> None:
        """Raw bytes, in place of an answer."""
        write_all(pipes(emit)[1], next(items))
        time.sleep(60)

    def write_later(self, items: Iterator[Any], emit: Emit) -> None:
        """The same, endlessly and once the call is over."""
        data, out = next(items), pipes(emit)[1]

        def flood() -> None:
            time.sleep(0.2)
            while True:
                write_all(out, data)

        threading.Thread(target=flood, daemon=True).start()

    def scream(self, items: Iterator[Any], emit: Emit) -> None:
        while True:
            os.write(2, b"a" * 50_000 + b"\n" * 10_000)

    def colour_the_log(self, items: Iterator[Any], emit: Emit) -> None:
        os.write(2, b"\x1b[2Jforged\x00\x9b31m line\n")

    def close(self, items: Iterator[Any], emit: Emit) -> None:
        """One of the three pipes, "in", "out" or "log"; then goes on living."""
        which = next(items)
        os.close({"in": pipes(emit)[0], "out": pipes(emit)[1], "log": 2}[which])
        if which == "log":
            os.close(1)
            emit("closed")
        else:
            time.sleep(60)

    def die_by(self, items: Iterator[Any], emit: Emit) -> None:
        os.kill(os.getpid(), next(items))
        time.sleep(60)

    def leave_a_child(self, items: Iterator[Any], emit: Emit) -> None:
        """It keeps the pipes open, and its number is the result."""
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        emit(child)
        os._exit(0)

    def setup(self, items: Iterator[Any], emit: Emit) -> None:
        if next(items) == "talk":
            while True:
                emit("a result nobody asked for")
