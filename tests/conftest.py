"""Fixtures for all tests. Keeps a developer's settings and keys out of the tests."""

from __future__ import annotations

import os

import pytest

from once import documented, models

__all__ = ["documented", "models"]

OURS = ("_API_KEY", "DATABASE_URL")

for name in [name for name in os.environ if name.startswith("NEXUS_") or name.endswith(OURS)]:
    del os.environ[name]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of async tests; files that test on trio as well define their own."""
    return "asyncio"
