"""One life of one worker process, seen from the host: see `worker.py` for the frames.

Nothing that the process sends is trusted. What does not belong to the protocol ends that process: its call
fails with an `EngineError`, and the pool starts another.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from anyio import (
    BrokenResourceError,
    CancelScope,
    ClosedResourceError,
    EndOfStream,
    WouldBlock,
    create_memory_object_stream,
    create_task_group,
    move_on_after,
    open_process,
    sleep,
)
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ..core.errors import EngineError, NexusError
from .confinement import Confinement
from .frames import MAX_MESSAGE, MAX_RESULT_BYTES, BadFrame, FrameReader, packed
from .untrusted import confined, failure, log_lines, signal_name

log = logging.getLogger(__name__)

CANCEL_TIMEOUT_S = 2.0
"""How long a child has to stop a cancelled call before it is killed."""
KEPT_VARIABLES = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|PYTHON\w*|COVERAGE\w*"
)
"""The environment variables that a confined child gets, to start; no key or password is passed on."""
DRAIN_TIMEOUT_S = 1.0
"""How long the output of a process that has ended is still read."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run: `factory` is "module:callable"; `nice` is added to the child's niceness.

    `memory`: above 0 it confines the child (`confinement.py`), which one that reads what strangers send
    needs: it gets at most so many bytes of memory, and of our environment only `KEPT_VARIABLES`.
    `cancel_timeout` is how many seconds a child has to stop a cancelled call before it is killed.
    """

    name: str
    factory: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    nice: int = 0
    memory: int = 0
    cancel_timeout: float = CANCEL_TIMEOUT_S

    def environment(self) -> dict[str, str] | None:
        if not self.memory:
            return None
        return {name: value for name, value in os.environ.items() if KEPT_VARIABLES.fullmatch(name)}


class Child:
    """Runs one call at a time. `live` owns the process; the other methods talk to it."""

    def __init__(self, spec: Spec) -> None:
        self.version = 0
        self.ready = self.setting_up = self.dead = self.retired = self.in_call = False
        self.fate = f"{spec.name} could not be started"
        """Why it ended, for people; `in_call`: it did so in the middle of a call."""
        self.confinement: Confinement | None = None
        self._spec = spec
        self._scope = CancelScope()
        self._offence = ""
        self._calls = 0
        self._sent_call = 0
        """The call whose frames may arrive; 0 between calls."""
        self._open = False
        """The current call's last frame has not reached its caller."""
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

    def condemn(self, offence: str) -> None:
        """End it for something that no worker of ours does; `offence` completes "The worker ..."."""
        self._offence = self._offence or offence
        self.kill()

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
                        command,
                        stdin=pipe,
                        stdout=pipe,
                        stderr=pipe,
                        env=self._spec.environment(),
                        start_new_session=True,  # what it starts is killed with it
                    )
            except OSError as error:
                self.fate = f"{self._spec.name} could not be started: {error}"
                return
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            async with create_task_group() as tasks:
                tasks.start_soon(self._write, process.stdin)
                tasks.start_soon(self._log, process.stderr)
                tasks.start_soon(self._watch, process)
                try:
                    await self._read(process.stdout, born)
                except BadFrame as error:
                    self.condemn(str(error))
                tasks.cancel_scope.cancel()

    async def _read(self, stdout: ByteReceiveStream, born: Callable[[Child], None]) -> None:
        """Sort the child's frames until it closes its end. Raises `BadFrame` for one that is out of place."""
        reader = FrameReader(MAX_RESULT_BYTES)
        with suppress(BrokenResourceError, ClosedResourceError):
            async for data in stdout:
                for frame in reader.feed(data):
                    match frame:
                        case ["item", int(call), _] if call == self._sent_call != 0:
                            await put(self._to_host, frame)
                        case ["done", int(call)] | [
                            "error",
                            int(call),
                            str(),
                            str(),
                            str(),
                            int(),
                            bool(),
                        ] if call == self._sent_call != 0:
                            self._sent_call = 0
                            await put(self._to_host, frame)
                        case ["ready", None | dict() as confinement] if not self.ready:
                            self.confinement = confined(confinement)
                            self.ready = True
                            born(self)
                        case ["failed", str(why)] if not self.ready:
                            self.fate = f"{self._spec.name} could not be started: {why[:MAX_MESSAGE]}"
                            return
                        case _:
                            raise BadFrame("sent a frame that nobody waits for")

    async def bury(self) -> None:
        """Make sure that the process has ended, reap it, and say so to whoever waits for it."""
        self.in_call = self._open
        self.dead, self._open = True, False
        # Senders first: whoever waits for the other end then sees the end of the stream.
        for end in (self._to_host, self._outbox, self._to_child, self._from_child):
            end.close()
        if self._process:
            # Not `Process.kill`: it reaps a child that has just ended, and asyncio then misses its status.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with CancelScope(shield=True):
                await self._process.aclose()
            code = self._process.returncode or 0
            if self._offence and code == -signal.SIGKILL:
                self.fate = f"{self._spec.name} {self._offence}"
            elif self.ready:
                why = f"signal {signal_name(-code)}" if code < 0 else f"exit status {code}"
                self.fate = f"{self._spec.name} ended ({why})"

    async def run(
        self,
        method: str,
        items: AsyncIterable[Any],
        out: MemoryObjectSendStream[Any] | None,
        parse: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        """One call: feed it `items`, pass on what it emits as `parse` returns it.

        Raises what the child raised. A result that `parse` raises on, or that comes although there is no
        `out`, ends the child.
        """
        self._calls += 1
        self._sent_call = self._calls
        self._open = True
        async with create_task_group() as tasks:
            tasks.start_soon(self._feed, method, items)
            error = await self._pass_on(out, parse)
            tasks.cancel_scope.cancel()
        if error:
            raise error

    async def _pass_on(
        self, out: MemoryObjectSendStream[Any] | None, parse: Callable[[Any], Any]
    ) -> NexusError | None:
        while True:
            match await self._reply():
                case ["item", _, value]:
                    try:
                        if out is None:
                            raise ValueError("this method has no results")
                        value = parse(value)
                    except (TypeError, ValueError, LookupError, AttributeError) as error:
                        log.warning("%s: result refused: %s", self._spec.name, error)
                        self.condemn("sent a result that is not in the agreed form")
                        break
                    await put(out, value)
                case ["error", _, *what]:
                    return failure(*what)
                case ["done", _]:
                    return None
                case _:
                    break
        return EngineError(f"{self._spec.name} {self._offence or 'stopped working'}", retryable=True)

    async def setup(self, value: Any) -> None:
        """Call the `setup` method with one item; it emits nothing."""
        await self.run("setup", given(value), None)

    async def settle(self) -> None:
        """Make the child stop a call whose caller has gone; kill it if it doesn't in time."""
        with move_on_after(self._spec.cancel_timeout):
            async with create_task_group() as tasks:
                tasks.start_soon(self._send, "cancel", self._calls)  # it may be writing: read meanwhile
                while self._open and await self._reply():
                    pass
                tasks.cancel_scope.cancel()
        if self._open:
            log.warning("%s did not stop in %g s, restarting it", self._spec.name, self._spec.cancel_timeout)
            self.kill()

    async def _reply(self) -> list[Any]:
        """The current call's next frame; empty when the process has died."""
        with suppress(ClosedResourceError, EndOfStream):
            frame: list[Any] = await take(self._from_child)
            self._open = frame[0] == "item"
            return frame
        return []

    async def _feed(self, method: str, items: AsyncIterable[Any]) -> None:
        call = self._calls
        await self._send("call", call, method)
        async for item in items:
            await self._send("item", call, item)
        await self._send("end", call)

    async def _send(self, *frame: Any) -> None:
        with suppress(BrokenResourceError, ClosedResourceError):  # it died: the reader tells
            await self._to_child.send(packed(*frame))

    async def _write(self, stdin: ByteSendStream) -> None:
        """The only writer, so that a cancelled caller never leaves half a frame in the pipe."""
        spec = self._spec
        start = {"parent": os.getpid(), "nice": spec.nice, "memory": spec.memory, "kwargs": spec.kwargs}
        try:
            await stdin.send(packed("start", start))
            async for data in self._outbox:
                await stdin.send(data)
        except (BrokenResourceError, ClosedResourceError):
            self.condemn("closed its input")

    async def _watch(self, process: Process) -> None:
        """End it also when it has gone and something that it started holds its pipes open."""
        await process.wait()
        await sleep(DRAIN_TIMEOUT_S)
        self.kill()

    async def _log(self, stderr: ByteReceiveStream) -> None:
        try:
            await log_lines(self._spec.name, stderr)
        except (BrokenResourceError, ClosedResourceError):
            pass
        except BadFrame as error:
            self.condemn(str(error))


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


async def given(*items: Any) -> AsyncGenerator[Any]:
    """`items`, as a call takes them."""
    for item in items:
        yield item
