"""One life of one worker process, seen from the host: see `worker.py` for the frames."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any

import msgpack
from anyio import (
    BrokenResourceError,
    CancelScope,
    ClosedResourceError,
    EndOfStream,
    WouldBlock,
    create_memory_object_stream,
    create_task_group,
    current_time,
    move_on_after,
    open_process,
)
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ..core.errors import BadInput, Busy, EngineError, NexusError

log = logging.getLogger(__name__)

ACKNOWLEDGE = 2.0
"""Seconds a child has to stop a cancelled call before it is killed."""
BARE = re.compile(r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|PYTHON\w*|COVERAGE\w*")
"""What a child needs to start; keys and passwords are not among it."""
LOG_LINES = 50
"""Lines of a child's stderr that are logged per minute, each cut to `LOG_LINE` characters."""
LOG_LINE = 500


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run: `factory` is "module:callable"; `nice` is added to the child's niceness.

    `memory`: for a child that reads what strangers send. It gets at most so many bytes of memory, writes
    no files and dumps no core, and of our environment has only `BARE`.
    """

    name: str
    factory: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    nice: int = 0
    memory: int = 0

    def environment(self) -> dict[str, str] | None:
        if not self.memory:
            return None
        return {name: value for name, value in os.environ.items() if BARE.fullmatch(name)}


class Child:
    """Runs one call at a time. `live` owns the process; the other methods talk to it."""

    def __init__(self, spec: Spec) -> None:
        self.version = 0
        self.ready = self.setting_up = self.dead = self.retired = self.in_call = False
        self.fate = f"{spec.name} could not be started"
        """Why it ended, for people; `in_call`: it did so in the middle of a call."""
        self._spec = spec
        self._scope = CancelScope()
        self._calls = 0
        self._open = False
        self._process: Process | None = None
        self._to_child, self._outbox = create_memory_object_stream[bytes](0)
        self._to_host, self._from_child = create_memory_object_stream[list[Any]](8)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def unsettled(self) -> bool:
        """A call was cancelled and the child has not said that it stopped."""
        return self._open

    def kill(self) -> None:
        self.dead = True
        self._scope.cancel()

    def retire(self) -> None:
        """End it because it is not needed."""
        self.retired = True
        self.kill()

    async def live(self, born: Callable[[Child], None]) -> None:
        """Start the process and stay until it ends; `born` is called once it is ready. Then `bury` it."""
        command = [sys.executable, "-P", "-m", "nexus_voice.workers.worker", self._spec.factory]
        pipe = subprocess.PIPE
        with self._scope:
            try:
                with CancelScope(shield=True):  # or a child without an owner could stay behind
                    self._process = process = await open_process(
                        command, stdin=pipe, stdout=pipe, stderr=pipe, env=self._spec.environment()
                    )
            except OSError as error:
                self.fate = f"{self._spec.name} could not be started: {error}"
                return
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            async with create_task_group() as tasks, aclosing(frames(process.stdout)) as received:
                tasks.start_soon(self._write, process.stdin)
                tasks.start_soon(self._log, process.stderr)
                async for frame in received:
                    if frame[0] == "ready":
                        self.ready = True
                        born(self)
                    elif frame[0] == "failed":
                        self.fate = f"{self._spec.name} could not be started: {frame[1]}"
                        break
                    else:
                        await put(self._to_host, frame)
                tasks.cancel_scope.cancel()

    async def bury(self) -> None:
        """Make sure that the process has ended, reap it, and say so to whoever waits for it."""
        self.in_call = self._open
        self.dead, self._open = True, False
        # Senders first: whoever waits for the other end then sees the end of the stream.
        for end in (self._to_host, self._outbox, self._to_child, self._from_child):
            end.close()
        if self._process:
            with suppress(ProcessLookupError):
                self._process.kill()
            with CancelScope(shield=True):
                await self._process.aclose()
            if self.ready:
                code = self._process.returncode or 0
                why = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
                self.fate = f"{self._spec.name} ended ({why})"

    async def run(self, method: str, items: AsyncIterable[Any], out: MemoryObjectSendStream[Any]) -> None:
        """One call: feed it `items`, pass on what it emits. Raises what the child raised."""
        error: NexusError | None = EngineError(f"{self._spec.name} stopped working", retryable=True)
        self._calls += 1
        self._open = True
        async with create_task_group() as tasks:
            tasks.start_soon(self._feed, method, items)
            while True:
                match await self._reply():
                    case ["item", value]:
                        await put(out, value)
                    case ["error", *what]:
                        error = failure(*what)
                        break
                    case ["done"]:
                        error = None
                        break
                    case _:
                        break
            tasks.cancel_scope.cancel()
        if error:
            raise error

    async def setup(self, value: Any) -> None:
        """Call the `setup` method with one item; it emits nothing."""
        out, results = create_memory_object_stream[Any](0)
        with out, results:
            await self.run("setup", one(value), out)

    async def settle(self) -> None:
        """Make the child stop a call whose caller has gone; kill it if it doesn't in time."""
        with move_on_after(ACKNOWLEDGE):
            async with create_task_group() as tasks:
                tasks.start_soon(self._send, ["cancel", self._calls])  # it may be writing: read meanwhile
                while self._open and await self._reply():
                    pass
                tasks.cancel_scope.cancel()
        if self._open:
            log.warning("%s did not stop in %g s, restarting it", self._spec.name, ACKNOWLEDGE)
            self.kill()

    async def _reply(self) -> list[Any]:
        """The current call's next frame, without its number; empty when the process has died."""
        with suppress(ClosedResourceError, EndOfStream):
            while True:
                kind, call, *rest = await take(self._from_child)
                if call == self._calls:  # not of an earlier call, cancelled when it was already done
                    self._open = kind == "item"
                    return [kind, *rest]
        return []

    async def _feed(self, method: str, items: AsyncIterable[Any]) -> None:
        call = self._calls
        await self._send(["call", call, method])
        async for item in items:
            await self._send(["item", call, item])
        await self._send(["end", call])

    async def _send(self, frame: list[Any]) -> None:
        with suppress(BrokenResourceError, ClosedResourceError):  # it died: the reader tells
            await self._to_child.send(msgpack.packb(frame))

    async def _write(self, stdin: ByteSendStream) -> None:
        """The only writer, so that a cancelled caller never leaves half a frame in the pipe."""
        spec = self._spec
        hello = {"parent": os.getpid(), "nice": spec.nice, "memory": spec.memory, "kwargs": spec.kwargs}
        with suppress(BrokenResourceError, ClosedResourceError):
            await stdin.send(msgpack.packb(hello))
            async for data in self._outbox:
                await stdin.send(data)

    async def _log(self, stderr: ByteReceiveStream) -> None:
        began, lines, rest = -inf, 0, b""
        with suppress(BrokenResourceError, ClosedResourceError):
            async for data in stderr:
                *whole, rest = (rest + data).split(b"\n")
                rest = rest[:LOG_LINE]
                if current_time() - began > 60:
                    began, lines = current_time(), 0
                for line in whole[: LOG_LINES - lines]:
                    log.warning("%s: %s", self._spec.name, line[:LOG_LINE].decode(errors="replace"))
                lines = min(LOG_LINES, lines + len(whole))


async def frames(stdout: ByteReceiveStream) -> AsyncGenerator[list[Any]]:
    """Frames as they arrive, until the child closes its end."""
    unpacker = msgpack.Unpacker(max_buffer_size=64 << 20)
    with suppress(BrokenResourceError, ClosedResourceError):
        async for data in stdout:
            unpacker.feed(data)
            for frame in unpacker:
                yield frame


async def put(stream: MemoryObjectSendStream[Any], item: Any) -> None:
    """Like `send`, without the turn of the event loop that it takes when there is room."""
    try:
        stream.send_nowait(item)
    except WouldBlock:
        await stream.send(item)


async def take(stream: MemoryObjectReceiveStream[Any]) -> Any:
    try:
        return stream.receive_nowait()
    except WouldBlock:
        return await stream.receive()


async def one(value: Any) -> AsyncGenerator[Any]:
    yield value


def failure(kind: str, message: str, code: str, status: int, retryable: bool) -> NexusError:
    if kind == "BadInput":
        return BadInput(message, code=code, status=status)
    if kind == "Busy":
        return Busy(message)
    return EngineError(message, code=code, status=status, retryable=retryable)
