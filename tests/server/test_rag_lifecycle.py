"""Many changes of documents that follow each other are one to the recogniser."""

from collections.abc import Awaitable, Callable

import anyio
import trio
import trio.testing

from nexus_voice.server.rag.lifecycle import MAX_UNTAUGHT_S, QUIET_S, until_quiet


def play(story: Callable[[], Awaitable[None]]) -> None:
    trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))


def waited(changes: int, every: float) -> float:
    """Seconds until quiet, when so many changes come one after the other."""
    seconds = 0.0

    async def story() -> None:
        nonlocal seconds
        send, receive = anyio.create_memory_object_stream[None](1)

        async def change() -> None:
            for _ in range(changes):
                await anyio.sleep(every)
                await send.send(None)

        async with send, receive, anyio.create_task_group() as tasks:
            tasks.start_soon(change)
            began = anyio.current_time()
            await until_quiet(receive)
            seconds = anyio.current_time() - began
            tasks.cancel_scope.cancel()

    play(story)
    return round(seconds, 6)


def test_one_change_is_learnt_soon() -> None:
    assert waited(0, 0) == QUIET_S


def test_the_end_of_many_changes_is_waited_for_but_not_for_ever() -> None:
    assert waited(10, QUIET_S / 2) == 5 * QUIET_S + QUIET_S
    assert waited(10_000, QUIET_S / 2) == MAX_UNTAUGHT_S
