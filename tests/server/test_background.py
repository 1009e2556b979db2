"""Background tasks that fail."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from nexus_voice.core.errors import BadInput
from nexus_voice.server.background import keep_running


def run(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_failed_work_is_logged_and_started_again_ever_later() -> None:
    errors = [BadInput("no such model"), ValueError("a bug"), ExceptionGroup("", [OSError()]), BadInput("x")]
    starts: list[float] = []

    async def work() -> None:
        starts.append(trio.current_time())
        if errors:
            raise errors.pop(0)

    with capture_logs() as logs:
        run(lambda: keep_running("test", work, retry_s=10))
    pauses = [after - before for before, after in itertools.pairwise(starts)]
    assert pauses == [10, 20, 40, 60]
    assert [(log["task"], log["retry_s"]) for log in logs] == [("test", pause) for pause in pauses]
    assert [log["exc_info"] is not None for log in logs] == [False, True, True, False], (
        "bugs with a traceback"
    )


def test_work_that_ran_well_is_started_again_soon() -> None:
    starts: list[float] = []

    async def work() -> None:
        starts.append(trio.current_time())
        if len(starts) < 4:
            await trio.sleep(100)
            raise OSError

    run(lambda: keep_running("test", work, retry_s=5))
    assert [after - before for before, after in itertools.pairwise(starts)] == [105, 105, 105]


@pytest.mark.parametrize("after", [1.0, 7.0])
def test_cancellation_passes(after: float) -> None:
    async def work() -> None:
        await trio.sleep(5)
        raise OSError

    async def main() -> None:
        with trio.move_on_after(after) as scope:
            await keep_running("test", work, retry_s=60)
        assert scope.cancelled_caught

    run(main)
