"""Fixtures for all tests. Keeps a developer's settings and keys out of the tests."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from once import documented, models
from postgres import postgres_server, postgres_url
from weights import MODELS  # it reads the settings before they are removed below

__all__ = ["MODELS", "documented", "models", "postgres_server", "postgres_url"]

OURS = ("_API_KEY", "DATABASE_URL")
HERE = Path(__file__).parent
LONGEST = [
    "test_end_to_end.py",
    "browser/test_page.py",
    "browser/test_citations.py",
    "browser/test_collections.py",
    "browser/test_documents.py",
    "cli/test_ingest.py",
    "knowledge/test_ingestion.py",
    "knowledge/test_killed.py",
    "engines/pocketsphinx/test_stt_pocketsphinx.py",
    "knowledge/test_library.py",
    "knowledge/test_index.py",
    "knowledge/test_reading_hostile.py",
    "engines/test_contracts.py",
    "server/test_fuzz.py",
    "test_models_arrive.py",
    "text/test_linear.py",
    "talk/test_sounds.py",
]
"""Files that run first, because a long one that starts last keeps one process busy and the others idle.
The browser's stand together, so that each process starts it once."""

for name in [name for name in os.environ if name.startswith("NEXUS_") or name.endswith(OURS)]:
    del os.environ[name]


def pytest_collection() -> None:
    gc.disable()  # collected tests stay, and to look for garbage among them takes a sixth of the time


def pytest_collection_finish() -> None:
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the longest files first. `make test` tells xdist to keep this order."""
    ranks = {HERE / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop of async tests; files that test on trio as well define their own."""
    return "asyncio"
