"""The probe that fails a test whose server holds its event loop."""

from __future__ import annotations

import asyncio
import gc
import time

from loop_probe import MAX_LAG_S, TICK_S, LoopProbe


def compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def probed(*work: object) -> list[float]:
    """The lags that the probe noted while the loop did this, one after the other."""

    async def main() -> LoopProbe:
        probe = LoopProbe(asyncio.get_running_loop())
        probe.start()
        for one in work:
            await asyncio.sleep(2 * TICK_S)
            one()  # type: ignore[operator]
            await asyncio.sleep(2 * TICK_S)
        probe.stop()
        return probe

    return [seconds for seconds, _ in asyncio.run(main()).late]


def test_work_on_the_loop_is_noted_and_waiting_is_not() -> None:
    (lag,) = probed(
        lambda: compute(MAX_LAG_S / 2),
        lambda: compute(MAX_LAG_S + 2 * TICK_S),
        lambda: time.sleep(MAX_LAG_S + 2 * TICK_S),  # so does a machine that others use
    )
    assert lag > MAX_LAG_S


class CostlyGarbage:
    """Only the garbage collector finds it, and it takes longer than a test run may hold the loop."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        compute(MAX_LAG_S + 2 * TICK_S)


def test_the_garbage_collector_does_not_count() -> None:
    def collect() -> None:
        CostlyGarbage()
        began = time.thread_time()
        gc.collect()
        took.append(time.thread_time() - began)

    took: list[float] = []
    assert probed(collect) == []
    assert took[0] > MAX_LAG_S
