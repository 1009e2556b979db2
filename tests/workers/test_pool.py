"""Worker processes: streaming, cancelling, dying, shutting down; on trio and on asyncio."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from nexus_voice.core.errors import BadInput, Busy, EngineError
from nexus_voice.workers.pool import Workers

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def reaped() -> Iterator[None]:
    """The test leaves no worker behind. A server that other tests share may have some."""
    before = worker_processes()
    yield
    assert worker_processes() <= before


def worker_processes() -> set[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return {child for child in children if "nexus_voice.workers.worker" in command_line(child)}


def command_line(process: psutil.Process) -> list[str]:
    """Empty when the process has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # or a zombie
        return []


def parrots(count: int = 1, **options: Any) -> Workers:
    return Workers("pool_parts:Parrot", count, name="parrot", **options)


async def stream(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


async def all_of(workers: Workers, method: str, *items: Any) -> list[Any]:
    async with aclosing(workers.call(method, stream(*items))) as results:
        return [result async for result in results]


async def test_items_come_back_as_they_were_sent(reaped: None) -> None:
    items = ["word", b"\x00\xff" * 60_000, {"a": [1, 2.5, None]}]
    async with parrots(kwargs={"prefix": "> "}) as workers:
        assert await all_of(workers, "repeat", *items) == ["> word", *items[1:]]
        assert await all_of(workers, "repeat") == []


async def test_results_arrive_while_items_are_still_being_sent(reaped: None) -> None:
    send, receive = anyio.create_memory_object_stream[str](1)
    with send, receive:
        async with parrots() as workers, aclosing(workers.call("repeat", receive)) as results:
            for word in ("one", "two", "three"):
                await send.send(word)
                assert await anext(results) == word
            send.close()
            with pytest.raises(StopAsyncIteration):
                await anext(results)


async def test_calls_are_spread_over_the_processes_and_each_is_its_own(reaped: None) -> None:
    async with parrots(2) as workers:
        await workers.ready()
        answers: dict[int, list[Any]] = {}

        async def ask(n: int) -> None:
            answers[n] = await all_of(workers, "repeat", *range(n, n + 5))

        async with anyio.create_task_group() as tasks:
            for n in range(8):
                tasks.start_soon(ask, n)
        assert answers == {n: list(range(n, n + 5)) for n in range(8)}
        assert len(workers.pids) == 2


async def test_a_caller_that_leaves_early_leaves_a_usable_process(reaped: None) -> None:
    async with parrots() as workers:
        pid = await all_of(workers, "pid")
        for _ in range(3):
            async with aclosing(workers.call("forever", stream())) as results:
                await anext(results)
        with anyio.move_on_after(0.05) as scope:
            async with aclosing(workers.call("repeat", never())) as results:
                await anext(results)
        assert scope.cancelled_caught
        assert await all_of(workers, "repeat", "still here") == ["still here"]
        assert await all_of(workers, "pid") == pid


async def never() -> AsyncIterator[Any]:
    await anyio.sleep_forever()
    yield


async def test_a_process_that_will_not_stop_is_replaced(reaped: None) -> None:
    async with parrots(cancel_timeout=0.05) as workers:
        pid = await all_of(workers, "pid")
        async with aclosing(workers.call("deaf", stream())) as results:
            await anext(results)
        assert await all_of(workers, "pid") != pid


async def test_a_killed_process_fails_its_call_only_and_comes_back(reaped: None) -> None:
    async with parrots(2) as workers:
        await workers.ready()
        async with aclosing(workers.call("repeat", forever("word"))) as unharmed:
            await anext(unharmed)
            async with aclosing(workers.call("pid", stream())) as results:
                pid = await anext(results)
            async with aclosing(workers.call("repeat", forever("word"))) as results:
                await anext(results)
                os.kill(pid, signal.SIGKILL)
                with pytest.raises(EngineError) as raised:
                    await exhaust(results)
            assert raised.value.retryable
            assert await anext(unharmed) == "word"
        await workers.ready()
        assert pid not in workers.pids
        assert await all_of(workers, "repeat", "again") == ["again"]


async def forever(item: Any) -> AsyncIterator[Any]:
    while True:
        yield item
        await anyio.sleep(0.001)


async def test_errors_keep_their_kind(reaped: None, caplog: pytest.LogCaptureFixture) -> None:
    async with parrots() as workers:
        with pytest.raises(BadInput, match="no such thing") as bad:
            await all_of(workers, "wrong", "input")
        assert bad.value.code == "nothing"
        with pytest.raises(EngineError, match="perhaps") as later:
            await all_of(workers, "wrong", "engine")
        assert later.value.retryable
        with pytest.raises(EngineError, match="ZeroDivisionError: a bug"):
            await all_of(workers, "wrong", "bug")
        assert await all_of(workers, "repeat", "fine") == ["fine"]
        await until(lambda: "a word for the log" in caplog.text)


async def exhaust(results: AsyncIterator[Any]) -> None:
    async for _ in results:
        pass


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await anyio.sleep(0.005)


async def test_an_error_in_the_callers_own_items_reaches_the_caller(reaped: None) -> None:
    async def broken() -> AsyncIterator[Any]:
        yield "one"
        raise ValueError("the microphone is on fire")

    async with parrots() as workers:
        async with aclosing(workers.call("repeat", broken())) as results:
            with pytest.raises(ValueError, match="on fire"):
                await exhaust(results)
        with pytest.raises(TypeError):
            await all_of(workers, "repeat", object())
        assert await all_of(workers, "repeat", "fine") == ["fine"]


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("pool_parts:unable", "parrot could not be started: the model file is missing"),
        ("pool_parts:dying", "parrot could not be started"),
        ("no_such_module:thing", "parrot could not be started: ModuleNotFoundError"),
    ],
)
async def test_a_process_that_cannot_start_says_why(factory: str, message: str, reaped: None) -> None:
    async with Workers(factory, 1, name="parrot") as workers:
        with pytest.raises(EngineError, match=message):
            await workers.ready()
        with pytest.raises(EngineError, match=message):
            await all_of(workers, "repeat", "word")


async def test_calls_queue_up_to_a_limit(reaped: None) -> None:
    async with parrots(queue=1) as workers:
        async with aclosing(workers.call("repeat", forever("word"))) as first:
            await anext(first)
            answers: list[Any] = []

            async def second() -> None:
                answers.extend(await all_of(workers, "repeat", "second"))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(second)
                await anyio.wait_all_tasks_blocked()
                with pytest.raises(Busy):
                    await all_of(workers, "repeat", "third")
                assert not answers
                await first.aclose()
        assert answers == ["second"]


async def test_a_call_waits_only_so_long(reaped: None) -> None:
    async with parrots(patience=0.05) as workers:
        await workers.ready()
        async with aclosing(workers.call("repeat", forever("word"))) as first:
            await anext(first)
            with pytest.raises(Busy):
                await all_of(workers, "repeat", "second")


async def test_setup_reaches_every_process_and_its_successors(reaped: None) -> None:
    async with parrots(2) as workers:
        await workers.setup("a ")
        async with aclosing(workers.call("repeat", forever("word"))) as first:
            assert await anext(first) == "a word"
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(workers.setup, "b ")
                await until_equal(workers, "b word")  # the free one at once,
                await first.aclose()  # the other one after its call
        killed = set(workers.pids)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: not killed & set(workers.pids))
        assert await all_of(workers, "repeat", "word") == ["b word"]
        with pytest.raises(EngineError, match="will not do"):
            await workers.setup("")


async def test_a_process_that_comes_with_its_call_is_set_up_before_it(reaped: None) -> None:
    async with parrots(2, idle=60) as workers:
        await workers.ready()
        await workers.setup("a ")
        assert not workers.pids
        assert await all_of(workers, "repeat", "b") == ["a b"]


async def until_equal(workers: Workers, wanted: str) -> None:
    with anyio.fail_after(10):
        while await all_of(workers, "repeat", "word") != [wanted]:
            pass


async def test_leaving_during_a_call_ends_it_and_every_process(reaped: None) -> None:
    workers = parrots(2)
    async with workers:
        results = workers.call("forever", stream())
        await anext(results)
    with pytest.raises(EngineError, match="shut down"):
        await exhaust(results)
    with pytest.raises(EngineError, match="not running"):
        await all_of(workers, "repeat", "word")


async def test_children_do_not_outlive_a_killed_parent(reaped: None) -> None:
    script = (
        "import anyio, os\n"
        "from nexus_voice.workers.pool import Workers\n"
        "async def main():\n"
        "    async with Workers('pool_parts:Parrot', 1) as workers:\n"
        "        await workers.ready()\n"
        "        print(workers.pids[0], flush=True)\n"
        "        await anyio.sleep_forever()\n"
        "anyio.run(main)\n"
    )
    async with await anyio.open_process([sys.executable, "-c", script], stderr=None) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(await parent.stdout.receive()))
        parent.kill()
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
