"""Reads pictures of print: PNG, JPEG, TIFF with any number of pages, WebP, GIF and BMP."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from functools import partial

from PIL import Image, ImageOps

from . import hyphens, layout
from .document import Block, Contents
from .layout import Line
from .limits import MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE_PX, Limits, empty
from .parts import unread_pages
from .scans import NO_PRINT, Scanner

PILLOW_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
MAX_PIXELS = 64_000_000
"""Of one page when it is unpacked. A JPEG may have three times as many, because it unpacks smaller."""

log = logging.getLogger(__name__)


def read(name: str, data: bytes, limits: Limits, scanner: Scanner) -> Contents:
    """A page that cannot be read is left out with a warning. Of moving pictures the first one is read.

    Raises `BadInput` (`empty_document`, `too_many_pages`), and what Pillow raises if nothing can be read.
    """
    pages, problems = list[list[Line | Block]](), list[Exception]()
    for index, page in enumerate(_pages(data)):
        limits.check_pages(name, index + 1)
        try:
            pages.append(scanner.page(page, index))
        except Exception as error:  # of one page; a library may raise anything
            log.warning("page %d: %s: %s", index + 1, error.__class__.__name__, str(error)[:200])
            pages.append([])
            problems.append(error)
    if len(problems) == len(pages):
        raise problems[0]
    blocks = list(hyphens.resolved(layout.blocks(pages, {})))
    if not blocks:
        raise empty(name, f"shows {NO_PRINT}")
    told = unread_pages(len(problems), len(pages))
    return Contents("", blocks, len(pages), [*told, *scanner.warnings])


def shrunk(picture: Image.Image) -> Image.Image:
    """The picture with no more pixels than are read."""
    width, height = picture.size
    scale = min((MAX_PICTURE_PIXELS / (width * height)) ** 0.5, MAX_PICTURE_SIDE_PX / max(width, height))
    if scale >= 1:
        return picture
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _pages(data: bytes) -> Iterator[Callable[[], Image.Image]]:
    """For each page what loads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `_loaded` looks at the size
        picture = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
    yield partial(_loaded, picture)
    index = 1
    while picture.format == "TIFF":
        try:
            picture.seek(index)
        except EOFError:
            return
        except Exception as error:  # the chain of its pages is broken
            yield partial(_raise, error)
            return
        yield partial(_loaded, picture)
        index += 1


def _loaded(picture: Image.Image) -> Image.Image:
    """The page on white, upright as the camera says, with one byte for grey or three for colours. Raises
    `ValueError` if it is too large."""
    if picture.format == "JPEG":
        side = round(MAX_PICTURE_PIXELS**0.5)
        picture.draft("RGB", (side, side))
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(f"{picture.width} times {picture.height} pixels are too many")
    page = ImageOps.exif_transpose(picture)
    if page.mode[:1] in "IF":  # 16 or 32 bits a pixel
        low, high = page.getextrema()
        page = page.point(lambda value: (value - low) * 255 / ((high - low) or 1)).convert("L")
    if page.mode == "1":
        page = page.convert("L")
    if page.has_transparency_data:
        page = shrunk(page.convert("RGBA"))
        page = Image.alpha_composite(Image.new("RGBA", page.size, "white"), page)
    return shrunk(page if page.mode == "L" else page.convert("RGB"))


def _raise(error: Exception) -> Image.Image:
    raise error
