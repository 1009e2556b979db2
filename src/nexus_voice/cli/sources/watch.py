"""When to look at sources again: as soon as a file of a folder changes, and every so often at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .folder import HIDDEN, Folder
from .source import Source

SETTLE = 1_600
"""Milliseconds for which changes are gathered: a file is often saved in several steps."""


def watch(sources: Sequence[Source], every: float, note: Callable[[str], None]) -> Iterator[list[Source]]:
    """The sources that may have changed, for ever; all of them every so many seconds, because some file
    systems (NFS) and all buckets tell nothing of their changes."""
    import watchfiles

    folders = {one.path: one for one in sources if isinstance(one, Folder)}
    looked = time.monotonic()
    try:
        for changes in watchfiles.watch(
            *folders,
            watch_filter=None,
            debounce=SETTLE,
            rust_timeout=round(every * 1_000),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            if not changes or time.monotonic() - looked >= every:
                yield list(sources)
                looked = time.monotonic()
            else:
                paths = [Path(path) for _, path in changes]
                yield [one for root, one in folders.items() if any(seen(path, root) for path in paths)]
    except OSError as error:
        note(f"Changes are noticed every {every:g} s only ({error.strerror or error}).")
    while True:
        time.sleep(every)
        yield list(sources)


def seen(path: Path, root: Path) -> bool:
    """Whether it is in this folder and not left out."""
    if not path.is_relative_to(root):
        return False
    return not any(part.startswith(HIDDEN) for part in path.relative_to(root).parts)
