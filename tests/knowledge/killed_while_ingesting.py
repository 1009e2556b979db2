"""Ingests many documents and replaces each, printing every name once it is in. Made to be killed.

    python killed_while_ingesting.py FOLDER_OR_URL FILE

FILE is created at the end.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import anyio

from nexus_voice.engines.fake.engines import FakeEmbedder
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.index import embedders

DOCUMENTS = 30


def documents(round: int) -> list[tuple[str, bytes]]:
    """The documents of the first or second round; some have the same bytes as another one."""
    found = []
    for number in range(DOCUMENTS):
        words = random.Random(number % 25 + 1000 * round)
        sections = [
            f"## Part {part}\n\n" + " ".join(words.choices(["pump", "valve", "oven", "bread"], k=90))
            for part in range(words.randint(1, 9))
        ]
        found.append((f"{number}.md", f"# Title {number % 25}\n\n{chr(10).join(sections)}".encode()))
    return found


async def main(at: Path | str, done: Path) -> None:
    async with KnowledgeBase(at, FakeEmbedder()) as base:
        for round in range(2):
            for name, data in documents(round):
                await base.ingest(name, data)
                print(name, flush=True)
        for document in await base.documents():
            if int(document.name.partition(".")[0]) % 7 == 3:
                await base.delete(document.id)
        await base.ready()
    await anyio.Path(done).touch()


if __name__ == "__main__":
    embedders.BATCH_CHUNKS = 3  # so that a document's vectors are written in several transactions
    place = sys.argv[1]
    anyio.run(main, place if "://" in place else Path(place), Path(sys.argv[2]))
