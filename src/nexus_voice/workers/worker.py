"""The child's side of `pool.py`: `python -m nexus_voice.workers.worker module:factory`.

Frames (`frames.py`) go over stdin and stdout. First the host sends `["start", {parent, nice, memory,
kwargs}]`; the child answers `["ready", confinement or None]` or `["failed", message]`. Then, one call at a
time, the host sends `["call", id, method]`, `["item", id, value]`..., `["end", id]`, and `["cancel", id]` at
any time; the child sends `["item", id, value]`... and closes each call exactly once, with `["done", id]` or
`["error", id, kind, message, code, status, retryable]`. A cancelled call ends with "done". The child sends
nothing else: the host ends a child that does.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..core.errors import BadInput, Busy, EngineError, NexusError
from .frames import LENGTH, MAX_ITEM_BYTES, MAX_MESSAGE, MAX_RESULT_BYTES, FrameReader, packed

Emit = Callable[[Any], None]
Method = Callable[[Iterator[Any], Emit], None]
"""A method of the factory's object: reads items until the host has no more, emits its own."""

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Stopped(Exception):
    """Raised inside a call by `items` and `emit` once the host has cancelled it."""


class Host:
    """The other end of the pipes. There is one thread, so nothing here needs a lock."""

    def __init__(self) -> None:
        # Keep the real pipes to ourselves: a stray print, of Python's or of a C library's, must not
        # land between two frames, and nobody else may eat our input.
        self._in, self._out = os.dup(0), os.dup(1)
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self._reader = FrameReader(MAX_ITEM_BYTES, max_container_items=MAX_ITEM_BYTES)
        self._frames: deque[list[Any]] = deque()

    def send(self, *frame: Any) -> None:
        data = memoryview(packed(*frame))
        if len(data) > LENGTH.size + MAX_RESULT_BYTES:
            raise EngineError(
                f"a result of {len(data):,} bytes is too long; at most {MAX_RESULT_BYTES:,} are sent"
            )
        while data:
            data = data[os.write(self._out, data) :]

    def receive(self) -> list[Any]:
        """The next frame; waits. The host's end of file ends this process."""
        while not self._frames:
            self._read()
        return self._frames.popleft()

    def waiting(self) -> Iterator[list[Any]]:
        """Frames that have already arrived."""
        while select.select([self._in], [], [], 0)[0]:
            self._read()
        while self._frames:
            yield self._frames.popleft()

    def _read(self) -> None:
        data = os.read(self._in, 1 << 16)
        if not data:
            os._exit(0)
        self._frames.extend(self._reader.feed(data))


class OpenCall:
    """One call: its items and its results, both of which notice that the host has cancelled it."""

    def __init__(self, host: Host, id: int) -> None:
        self.id = id
        self._host = host
        self._pending: deque[Any] = deque()

    def items(self) -> Iterator[Any]:
        while True:
            self._look()
            match self._pending.popleft() if self._pending else self._host.receive():
                case ["item", self.id, value]:
                    yield value
                case ["end", self.id]:
                    return
                case ["cancel", self.id]:
                    raise Stopped

    def emit(self, value: Any) -> None:
        self._look()
        self._host.send("item", self.id, value)

    def _look(self) -> None:
        """Read what has arrived: a cancellation counts before the items that came ahead of it."""
        for frame in self._host.waiting():
            if frame == ["cancel", self.id]:
                raise Stopped
            self._pending.append(frame)


def answer_calls(host: Host, engine: Any) -> None:
    """Answer calls until the host goes away."""
    last = 0
    while True:
        match host.receive():
            case ["call", id, method]:
                last = id
                call = OpenCall(host, id)
                try:
                    getattr(engine, method)(call.items(), call.emit)
                    host.send("done", id)
                except Stopped:
                    host.send("done", id)
                except Exception as error:
                    host.send("error", id, *described(error))
            case ["cancel", id] if id > last:  # cancelled before the call itself was sent
                last = id
                host.send("done", id)


def described(error: Exception) -> tuple[str, str, str, int, bool]:
    """(kind, message, code, status, retryable) of an error, for the host to raise again."""
    if isinstance(error, NexusError):
        kind = type(error).__name__ if isinstance(error, BadInput | Busy) else "EngineError"
        retryable = isinstance(error, EngineError) and error.retryable
        return kind, error.message[:MAX_MESSAGE], error.code, error.status, retryable
    traceback.print_exception(error)  # to the host's log
    message = f"{type(error).__name__}: {error}"
    return "EngineError", message[:MAX_MESSAGE], EngineError.code, EngineError.status, False


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent dies, however that comes about."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)


def main(factory: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    host = Host()
    _, start = host.receive()
    die_with(start["parent"])
    confinement = None
    try:
        if start["nice"]:
            os.nice(start["nice"])
        if start["memory"]:
            from dataclasses import asdict  # here, as the workers of the engines need neither

            from .confinement import confine

            confinement = asdict(confine(start["memory"]))
            die_with(start["parent"])  # a change of user makes the kernel forget it
        module, _, name = factory.partition(":")
        engine = getattr(import_module(module), name)(**start["kwargs"])
    except Exception as error:
        host.send("failed", described(error)[1])
        sys.exit(1)
    host.send("ready", confinement)
    with suppress(BrokenPipeError):
        answer_calls(host, engine)


if __name__ == "__main__":
    main(sys.argv[1])
