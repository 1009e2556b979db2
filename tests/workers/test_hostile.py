"""Whatever a worker process does to its pipes costs that process and its call, and nothing else."""

import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import anyio
import msgpack
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.core.errors import EngineError
from nexus_voice.workers.frames import LENGTH, MAX_RESULT_BYTES, BadFrame, FrameReader, packed
from nexus_voice.workers.pool import Workers

MIB = 1 << 20


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def hostile(count: int = 1, **options: Any) -> Workers:
    return Workers("hostile_parts:Hostile", count, name="hostile", **options)


async def stream(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


async def ask(workers: Workers, method: str, *items: Any, **options: Any) -> list[Any]:
    with anyio.fail_after(30):
        async with aclosing(workers.call(method, stream(*items), **options)) as results:
            return [result async for result in results]


async def replaced(workers: Workers, pid: int) -> None:
    """Another process answers."""
    assert await ask(workers, "pid") != [pid]


def framed(body: bytes) -> bytes:
    return LENGTH.pack(len(body)) + body


FIRST, SECOND = 1, 2
"""Numbers of a process's calls."""
RUBBISH = {
    "no frame": b"\xc1" * 1000,
    "a huge length": b"\xff\xff\xff\xff",
    "an unknown type": framed(b"\xc1"),
    "nothing": framed(b""),
    "half a value": framed(b"\x93\xa4item"),
    "two values": framed(b"\x91\x01\x91\x01"),
    "nested too deeply": framed(b"\x91" * 100_000),
    "wide and deep": framed(b"\xdc\x10\x00" * 2000),
    "a huge array": framed(b"\xdd\x7f\xff\xff\xff"),
    "a huge map": framed(b"\xdf\x7f\xff\xff\xff"),
    "a huge string": framed(b"\xdb\x7f\xff\xff\xff"),
    "an extension": packed("item", SECOND, msgpack.ExtType(5, b"x")),
    "an empty extension": framed(b"\x93\xa4item\x02\xc7\x00\x05"),
    "a timestamp": packed("item", SECOND, msgpack.Timestamp(1)),
    "no UTF-8": framed(b"\x93\xa4item\x02\xa2\xff\xff"),
    "a map with numbers for keys": framed(b"\x93\xa4item\x02\x81\x01\x01"),
    "no list": framed(b"\x81\xa4item\x02"),
    "an empty list": framed(b"\x90"),
    "no kind": packed(1, 2, 3),
    "an unknown kind": packed("items", SECOND, 3),
    "no value": packed("item", SECOND),
    "too many values": packed("item", SECOND, 3, 4),
    "a number as text": packed("item", "2", 3),
    "an earlier call": packed("item", FIRST, 3),
    "a later call": packed("done", 9),
    "no call": packed("done", 0),
    "an error without a message": packed("error", SECOND),
    "an error of wrong types": packed("error", SECOND, "BadInput", "no", "no", "400", False),
    "a second start": packed("ready", None),
    "a late failure": packed("failed", "no"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # frames are checked alike on both loops
async def test_rubbish_on_the_pipe_costs_its_call() -> None:
    async with hostile() as workers:
        pids = set[int]()
        for kind, data in RUBBISH.items():
            pids |= set(await ask(workers, "pid"))
            with pytest.raises(EngineError, match=r"^hostile (sent|announced) a frame") as raised:
                await ask(workers, "write", data)
            assert raised.value.retryable, kind  # by another process
        pids |= set(await ask(workers, "pid"))
        assert len(pids) == len(RUBBISH) + 1


@pytest.mark.anyio
async def test_a_call_that_ends_twice_costs_the_process() -> None:
    async with hostile() as workers:
        (pid,) = await ask(workers, "pid")
        assert await ask(workers, "write", packed("done", SECOND) * 2) == []
        await replaced(workers, pid)


@pytest.mark.anyio
async def test_a_flood_outside_a_call_ends_the_process() -> None:
    async with hostile() as workers:
        (pid,) = await ask(workers, "pid")
        process = psutil.Process(pid)
        await ask(workers, "write_later", packed("item", SECOND, "x" * 1000) * 100)
        with anyio.fail_after(30):
            await anyio.to_thread.run_sync(process.wait)
        await replaced(workers, pid)


@pytest.mark.anyio
async def test_an_endless_log_ends_the_process_and_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    async with hostile(2) as workers:
        await workers.ready()
        failed = anyio.Event()

        async def scream() -> None:
            with pytest.raises(EngineError, match="wrote too much to its log"):
                await ask(workers, "scream")
            failed.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scream)
            answered = 0
            while not failed.is_set():
                answered += await ask(workers, "repeat", "word") == ["word"]
        assert answered
        assert len(caplog.text) < 100_000
        await workers.ready()


@pytest.mark.anyio
async def test_the_log_of_a_process_forges_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with hostile() as workers:
        await ask(workers, "colour_the_log")
        with anyio.fail_after(30):
            while "forged" not in caplog.text:  # noqa: ASYNC110 - another process makes it true
                await anyio.sleep(0.005)
    (message,) = [record.message for record in caplog.records if "forged" in record.message]
    assert message.removeprefix("hostile: ") == "�[2Jforged��31m line"


@pytest.mark.anyio
@pytest.mark.parametrize("pipe", ["in", "out"])
async def test_a_closed_pipe_ends_the_call_and_the_process(pipe: str) -> None:
    async def endless() -> AsyncIterator[Any]:
        yield pipe
        while True:
            yield bytes(100_000)

    async with hostile() as workers:
        (pid,) = await ask(workers, "pid")
        with anyio.fail_after(30), pytest.raises(EngineError):
            async with aclosing(workers.call("close", endless())) as results:
                await anext(results)
        await replaced(workers, pid)


@pytest.mark.anyio
async def test_a_closed_log_is_no_loss() -> None:
    async with hostile() as workers:
        (pid,) = await ask(workers, "pid")
        assert await ask(workers, "close", "log") == ["closed"]
        assert await ask(workers, "pid") == [pid]


@pytest.mark.anyio
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGRTMIN + 5], ids=["named", "real-time"])
async def test_any_signal_may_end_it(number: int, caplog: pytest.LogCaptureFixture) -> None:
    async with hostile() as workers:
        with pytest.raises(EngineError, match="stopped working"):
            await ask(workers, "die_by", int(number))
        assert await ask(workers, "repeat", "word") == ["word"]
    assert "hostile ended (signal " in caplog.text


@pytest.mark.anyio
async def test_what_it_starts_ends_with_it() -> None:
    async with hostile() as workers:
        async with aclosing(workers.call("leave_a_child", stream())) as results:
            child = psutil.Process(await anext(results))
            with anyio.fail_after(30), pytest.raises(EngineError):
                await anext(results)
        await replaced(workers, child.ppid())
        with anyio.fail_after(30):
            while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
                await anyio.sleep(0.005)


@pytest.mark.anyio
async def test_a_result_in_the_wrong_form_costs_its_process() -> None:
    def number(value: Any) -> int:
        if not isinstance(value, int):
            raise TypeError("a number is expected")
        return 2 * value

    async with hostile() as workers:
        (pid,) = await ask(workers, "pid")
        assert await ask(workers, "repeat", 1, 2, parse=number) == [2, 4]
        with pytest.raises(EngineError, match="sent a result that is not in the agreed form"):
            await ask(workers, "repeat", 1, "two", parse=number)
        await replaced(workers, pid)


@pytest.mark.anyio
async def test_setting_up_has_no_results() -> None:
    async with hostile() as workers:
        with anyio.fail_after(30), pytest.raises(EngineError, match="not in the agreed form"):
            await workers.setup("talk")


@pytest.mark.anyio
async def test_an_error_is_cut_to_a_readable_length_and_a_known_form() -> None:
    data = packed("error", 1, "BadInput", "no " * 50_000, "<script>", 200, False)
    async with hostile() as workers:
        with pytest.raises(Exception, match="no no") as raised:
            await ask(workers, "write", data)
    assert len(str(raised.value)) <= 2000
    assert (raised.value.code, raised.value.status) == ("engine_failed", 502)  # type: ignore[attr-defined]


@given(st.lists(st.binary(max_size=2000)))
def test_any_bytes_are_frames_or_refused(bodies: list[bytes]) -> None:
    for data in (b"".join(bodies), b"".join(framed(body) for body in bodies)):
        with suppress(BadFrame):
            for frame in FrameReader(MAX_RESULT_BYTES).feed(data):
                assert isinstance(frame, list)


def test_a_frame_that_never_ends_is_not_kept() -> None:
    reader = FrameReader(MAX_RESULT_BYTES)
    assert list(reader.feed(LENGTH.pack(MAX_RESULT_BYTES) + bytes(MAX_RESULT_BYTES - 1))) == []
    with pytest.raises(BadFrame):
        list(reader.feed(b"\x00"))
    assert not reader._buffer
