"""What is made once for a whole test run, though several processes may run its tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from filelock import FileLock

DOCS = Path(__file__).parents[1] / "docs"


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` of this run. `make` fills it, in the first process that asks for it."""
    run = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    folder, unfinished = run / name, run / f"{name}-unfinished"
    with FileLock(run / f"{name}.lock"):
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


@cache
def _base_without_documents() -> TemporaryDirectory[str]:
    from nexus_voice.storage.database import Database

    folder = TemporaryDirectory()
    Database(Path(folder.name)).close()
    return folder


def empty_base(folder: Path) -> Path:
    """Put an SQLite database with all tables there, which takes longer to make than to copy."""
    shutil.copytree(_base_without_documents().name, folder)
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the converted embedding model is kept."""
    from nexus_voice.engines.onnx_text.minilm import MiniLmEmbedder

    async def convert(folder: Path) -> None:
        async with MiniLmEmbedder(folder) as embedder:
            await embedder.ready()

    return made_once(tmp_path_factory, "models", partial(anyio.run, convert))


@pytest.fixture(scope="session")
def documented(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """The data folder of a server that has read its documentation: the converted embedding model in
    `models`, and the documents with their vectors in `knowledge`. Tests that write to it copy it first."""
    from nexus_voice.engines.onnx_text.minilm import MiniLmEmbedder
    from nexus_voice.knowledge.base import KnowledgeBase
    from nexus_voice.knowledge.seeding import ABOUT, seed

    async def read(folder: Path) -> None:
        shutil.copytree(models, folder / "models")
        async with (
            MiniLmEmbedder(models) as embedder,
            KnowledgeBase(folder / "knowledge", embedder) as base,
        ):
            await seed(base, DOCS, ABOUT)

    return made_once(tmp_path_factory, "documented", partial(anyio.run, read))
