"""`nexus-voice ingest`: adds documents to a running server's knowledge base, once or whenever they change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.access import DEFAULT
from ..core.errors import BadInput, NexusError
from ..settings import Settings
from . import nearby
from .sources.folder import Files, Folder
from .sources.report import Report
from .sources.s3 import Bucket
from .sources.server import OUTAGE_TIMEOUT_S, Server
from .sources.source import Source
from .sources.sync import Sync
from .sources.watch import watch


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for.

    `every` is the interval of `--watch` in seconds, or None without it. `delete` is as for `Sync`. `name`
    identifies the folder in the knowledge base; "" means its own name. With `refresh`, documents that an
    older version of the reader has read are read again first.
    """

    collection: str = ""
    every: float | None = None
    delete: bool | None = None
    name: str = ""
    refresh: bool = False


def ingest(settings: Settings, places: Sequence[str], *, url: str, wish: Wish) -> bool:
    """Send every document and print what became of it. Returns whether none failed."""
    sources, urls = sorted_out(places, settings.knowledge.file, wish)
    patience = OUTAGE_TIMEOUT_S if wish.every is None else math.inf
    with (
        Report() as report,
        nearby.server(url, settings, report.say) as address,
        Server(address.http, report.waiting, local=address.local, patience=patience) as server,
    ):
        collection = server.collection(wish.collection) if wish.collection else DEFAULT
        sync = Sync(server, collection, report, wish.delete)
        if wish.refresh:
            sync.refresh()
        for source in sources:
            sync.run(source)
        if urls:
            sync.fetch(urls)
        if wish.every is not None:
            keep(sync, [one for one in sources if one.mirrored], wish.every)
        return report.good


def keep(sync: Sync, sources: Sequence[Source], every: float) -> None:
    """Keep the sources in step until Ctrl-C. A source that fails is tried again the next time."""
    sync.report.begin("")
    sync.report.note("Keeping in step. Ctrl-C stops this.")
    for changed in watch(sources, every, sync.report.note):
        for source in changed:
            try:
                sync.run(source)
            except NexusError as error:
                sync.report.begin("")
                sync.report.note(error.message)


def sorted_out(places: Sequence[str], limit: int, wish: Wish) -> tuple[list[Source], list[str]]:
    """Split places into sources and web addresses. `limit` is the largest document in bytes. Raises
    `BadInput`."""
    sources: list[Source] = []
    files, urls = [], []
    for place in places:
        path = Path(place)
        if place.startswith("s3://"):
            sources.append(Bucket(place, limit))
        elif place.startswith(("http://", "https://")):
            urls.append(place)
        elif "://" in place:
            raise BadInput(f"{place}: only https://…, http://… and s3://… can be read.", code="bad_url")
        elif path.is_dir():
            sources.append(Folder(path, limit, wish.name))
        elif path.exists():
            files.append(path)
        else:
            raise BadInput(f"{path}: there is no such file or folder.", code="no_such_file")
    if wish.every is not None and not sources:
        raise BadInput("Only folders and buckets can be watched.")
    if wish.name and sum(isinstance(one, Folder) for one in sources) != 1:
        raise BadInput("--name is for one folder.")
    if files:
        sources.append(Files(files, limit))
    return sources, urls
