"""Processes that read hostile data: what they may not do, and how they come and go."""

import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio.to_thread
import psutil
import pytest

from nexus_voice.core.errors import EngineError
from nexus_voice.workers.pool import Workers

pytestmark = pytest.mark.anyio

MIB = 1 << 20


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def prisoners(**options: Any) -> Workers:
    return Workers("confined_parts:Prisoner", 1, name="prisoner", **options)


async def ask(workers: Workers, method: str, *items: Any) -> Any:
    async def given() -> AsyncIterator[Any]:
        for item in items:
            yield item

    async with aclosing(workers.call(method, given())) as results:
        return await anext(results)


async def test_a_confined_process_has_no_secrets_no_files_and_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    async with prisoners(memory=200 * MIB, nice=5) as workers:
        environment = await ask(workers, "environment")
        assert "SOME_API_KEY" not in environment
        assert environment["PATH"] == os.environ["PATH"]
        assert await ask(workers, "write", str(tmp_path / "file")) == "OSError"
        assert await ask(workers, "hoard", 300 * MIB) == "MemoryError"
        assert await ask(workers, "hoard", MIB) == MIB
        assert (await ask(workers, "core"))[:2] == [0, 0]
        assert (await ask(workers, "core"))[2] >= 5


async def test_others_keep_their_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    async with prisoners() as workers:
        assert (await ask(workers, "environment"))["SOME_API_KEY"] == "secret"


async def test_a_process_comes_with_the_first_call_and_goes_when_it_is_idle() -> None:
    async with prisoners(idle=0.05) as workers:
        assert not workers.pids
        for _ in range(2):
            await ask(workers, "environment")
            process = psutil.Process(workers.pids[0])
            await anyio.to_thread.run_sync(process.wait, 10)


async def test_a_process_that_dies_in_its_calls_is_replaced_without_growing_delay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with prisoners(idle=60) as workers:
        for _ in range(5):
            with pytest.raises(EngineError, match="stopped working"):
                await ask(workers, "die")
        await ask(workers, "environment")
    assert caplog.text.count("restarting in 0.1 s") == 5


async def test_a_process_that_could_not_start_is_tried_again_with_the_next_call() -> None:
    async with Workers("no_such_module:thing", 1, name="prisoner", idle=60) as workers:
        for _ in range(2):
            with pytest.raises(EngineError, match="could not be started"):
                await ask(workers, "environment")
