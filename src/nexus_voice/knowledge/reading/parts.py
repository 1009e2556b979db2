"""Reads a part of a document so that, where it is damaged, it costs only itself."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ...core.errors import NexusError
from . import archive

log = logging.getLogger(__name__)


@contextmanager
def tolerant(lost: Callable[[], object]) -> Iterator[None]:
    """The block reads one part of a document. If that fails, `lost` is called and the document goes on.

    What concerns the whole document is raised: `MemoryError`, and a `NexusError` such as a limit's.
    """
    try:
        yield
    except (NexusError, MemoryError):
        raise
    except Exception as error:  # a library may raise anything on a damaged part
        log.warning("%s: %s", error.__class__.__name__, str(error)[:200])
        lost()


def member(book: zipfile.ZipFile, name: str, warnings: list[str], lost: str) -> Any | None:
    """The root element of a member of an archive; None, with the warning `lost`, if it cannot be read."""
    with tolerant(partial(warnings.append, lost)):
        return archive.xml(book, name)
    return None


def some_slides(numbers: list[int], one: str, several: str) -> list[str]:
    """A warning about the slides with these numbers, in words for `one` or for `several`; none if none is."""
    if not numbers:
        return []
    shown = ", ".join(map(str, numbers))
    return [f"Slide {shown} {one}." if len(numbers) == 1 else f"Slides {shown} {several}."]


def hidden_slides(numbers: list[int]) -> list[str]:
    return some_slides(numbers, "is hidden and was left out", "are hidden and were left out")


def unread_pages(count: int, pages: int) -> list[str]:
    """A warning about pages that could not be read; none if all could."""
    return [f"{count:,} of {pages:,} pages could not be read."] if count else []
