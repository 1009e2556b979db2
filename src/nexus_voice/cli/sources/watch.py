"""Decides when to look at sources again: when a file in a folder changes, and at a fixed interval."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .folder import HIDDEN_PREFIXES, Folder
from .source import Source

DEBOUNCE_MS = 1_600
"""How long changes are collected before they are reported, because a file is often saved in several steps."""


def watch(sources: Sequence[Source], every: float, note: Callable[[str], None]) -> Iterator[list[Source]]:
    """Yield the sources that may have changed, without end. All of them are yielded every `every` seconds,
    because buckets and some file systems, such as NFS, do not report changes."""
    import watchfiles

    folders = {one.path: one for one in sources if isinstance(one, Folder)}
    looked = time.monotonic()
    try:
        for changes in watchfiles.watch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            rust_timeout=round(every * 1_000),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            if not changes or time.monotonic() - looked >= every:
                yield list(sources)
                looked = time.monotonic()
            else:
                paths = [Path(path) for _, path in changes]
                yield [one for root, one in folders.items() if any(is_watched(path, root) for path in paths)]
    except OSError as error:
        note(f"Changes are noticed every {every:g} s only ({error.strerror or error}).")
    while True:
        time.sleep(every)
        yield list(sources)


def is_watched(path: Path, root: Path) -> bool:
    """Whether the path is in this folder and not hidden."""
    if not path.is_relative_to(root):
        return False
    return not any(part.startswith(HIDDEN_PREFIXES) for part in path.relative_to(root).parts)
