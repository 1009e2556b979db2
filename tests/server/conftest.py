from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from serving import Serving, fakes, serving

from .caller import Caller


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server for all tests that leave it as they found it; scripted engines, one seed document."""
    folder = tmp_path_factory.mktemp("server")
    seed = folder / "seed"
    seed.mkdir()
    (seed / "weather.md").write_text("# Weather\n\nThe weather tomorrow is clear with a light wind.\n")
    with serving(fakes(folder, knowledge={"upload": 30_000_000})) as running:
        yield running


@pytest.fixture
def undisturbed(server: Serving) -> Iterator[Serving]:
    """The server; whatever the test does to it, nothing stays and a second session never notices."""
    assert server.becomes(lambda: server.state.admission.active == 0)
    before = server.tasks()
    with Caller(server.socket) as other:
        other.hello()
        yield server
        assert other.turn("are you still there")["outcome"] == "done"
    assert server.becomes(lambda: server.state.admission.active == 0), "a session leaked"
    assert server.settles(before), "a task leaked"


@pytest.fixture
def http(server: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20, trust_env=False) as client:
        yield client
