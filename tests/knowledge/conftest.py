from pathlib import Path

import hypothesis
import pytest

from once import empty_base

hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(params=["sqlite", "postgres"])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a knowledge base may be: the contract is the same for both."""
    if request.param == "sqlite":
        return empty_base(tmp_path / "knowledge")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> str:
    """A parser for a `Reader` that misbehaves on documents of some names."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return "reading_parts:Parser"
