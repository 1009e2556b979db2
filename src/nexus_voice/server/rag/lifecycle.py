"""The knowledge base of a running server: made from the settings, seeded, and kept up to date."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import structlog
from anyio.abc import ObjectReceiveStream

from ...core.errors import NexusError
from ...engines.chain.fallback import Fallback
from ...knowledge.base import KnowledgeBase
from ...knowledge.ingest.fetch import fetch
from ...knowledge.ingest.ingestion import Ingestion
from ...knowledge.reading import convert
from ...knowledge.reading.confined_reader import Reader
from ...knowledge.reading.limits import Limits
from ...knowledge.search.choosing import Chooser
from ...knowledge.search.reranking import Reranking
from ...knowledge.search.tokens import Counter
from ...knowledge.seeding import ABOUT, seed
from ...ports import Biasable
from ...settings import Settings
from ...telemetry.metrics import Metrics
from ..services import Services

log = structlog.get_logger()

RETRY_S = 5.0
"""Seconds until a knowledge base that could not be used is tried again."""
QUIET_S = 0.2
"""Seconds without a further change before the recogniser is taught."""
MAX_UNTAUGHT_S = 30.0
"""Seconds after which it is taught although documents still change."""
BIAS_SENTENCES = 2_000
"""Sentences of the documents that the recogniser's language model is built from."""


def build(
    settings: Settings, embedder: Any, meanwhile: Any, chains: Mapping[str, Fallback], metrics: Metrics
) -> tuple[Reader, KnowledgeBase, Ingestion]:
    """The reader of files, the knowledge base and the ingestion. Enter the first two, in this order."""
    chosen, reranker = settings.knowledge, chains["reranker"]
    reader = Reader(Limits(chosen.file), workers=chosen.at_once, converter=convert.found())
    reranking = Reranking(reranker, settings.reranker.within, lambda: bool(reranker.links))
    base = KnowledgeBase(
        settings.knowledge_at,
        embedder,
        reader=reader,
        meanwhile=meanwhile,
        chooser=Chooser(reranking, Counter(chains["llm"]), chosen.min_score),
    )
    ingestion = Ingestion(
        base,
        partial(fetch, limit=chosen.file, allowed=chosen.reachable),
        at_once=chosen.at_once,
        most=chosen.queue,
        ended=metrics.taken_in,
    )
    return reader, base, ingestion


async def open_knowledge(services: Services) -> None:
    """Open and seed the knowledge base, then give vectors to what has none, for ever.

    It is tried again while the database cannot be used. It counts as ready once the seed is in: documents
    without vectors are found by their words meanwhile.
    """
    assert services.knowledge is not None
    services.warming.setdefault("knowledge", "warming")
    while True:
        try:
            await services.supply.settled("embedder")
            await fill(services)
            services.warming["knowledge"] = "ready"
            await services.knowledge.keep_up()
        except NexusError as error:
            if services.warming["knowledge"] != error.message:
                log.error("part not working", part="knowledge", why=error.message)
            services.warming["knowledge"] = error.message
        except Exception:
            services.warming["knowledge"] = "failed; see the log"
            raise
        await anyio.sleep(RETRY_S)


async def take_in(services: Services) -> None:
    """Take in what users hand in, once there is an embedder for it."""
    assert services.ingestion is not None
    await services.supply.settled("embedder")
    await services.ingestion.run()


async def fill(services: Services) -> None:
    """Take in the seed documents, and teach the recogniser the words of all documents."""
    assert services.knowledge is not None
    if folder := services.settings.knowledge.seed:
        await seed(services.knowledge, folder)
    else:
        await seed(services.knowledge, documentation(), ABOUT)
    services.knowledge.on_change = lambda: services.changed()
    await teach(services)


async def teach(services: Services) -> None:
    """Tell the recognisers what the documents say, so that they expect their words."""
    for link in services.supply.chains["stt"].links:
        if isinstance(link.engine, Biasable) and services.knowledge is not None:
            await link.engine.bias(await services.knowledge.sentences(BIAS_SENTENCES))


async def keep_teaching(services: Services) -> None:
    """Teach again whenever documents have changed, once for changes that follow each other quickly."""
    changes, changed = anyio.create_memory_object_stream[None](1)

    def note() -> None:
        with suppress(anyio.WouldBlock):
            changes.send_nowait(None)

    services.changed = note
    async with changes, changed:
        async for _ in changed:
            await until_quiet(changed)
            try:
                await teach(services)
            except Exception as error:  # it goes on with the words it knows
                log.error("the recogniser did not learn the new documents", exc_info=error)


async def until_quiet(changed: ObjectReceiveStream[None]) -> None:
    """Wait until no change has come for `QUIET_S`, and no longer than `MAX_UNTAUGHT_S`."""
    with anyio.move_on_after(MAX_UNTAUGHT_S):
        quiet = False
        while not quiet:
            with anyio.move_on_after(QUIET_S) as wait:
                await changed.receive()
            quiet = wait.cancelled_caught


def documentation() -> Path:
    """The product's own pages: beside the source in a checkout, inside the package when installed."""
    package = Path(__file__).parents[2]
    installed = package / "_docs"
    return installed if installed.is_dir() else package.parents[1] / "docs"
