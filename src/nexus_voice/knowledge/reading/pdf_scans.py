"""Finds the pages of a PDF whose text is a picture, and draws them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from .limits import MAX_PICTURE_PIXELS, MAX_PICTURE_SIDE_PX

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_LETTERS = 120
"""A page with more text is no scan. One with less, such as a number or a stamp, may be."""
MIN_COVERED, MIN_COVERED_WITHOUT_TEXT = 0.4, 0.02
"""The part of a page that its pictures cover, for it to be read as a picture: with a little text, and with
none."""
MIN_PATHS = 100
"""A page without text that has so many shapes may have its letters among them."""
MAX_OBJECTS = 20_000
MAX_SCALE = 300 / 72
"""Pixels a point: a small page is drawn with 300 dots per inch."""


def pictured(page: Any, letters: int) -> bool:
    """Whether the text of a page is probably a picture. `letters` is the length of what it has as text."""
    from pypdfium2 import raw

    if letters > MAX_LETTERS:
        return False
    left, foot, right, top = page.get_bbox()
    covered, paths = 0.0, 0
    wanted = [raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING]
    for one in islice(page.get_objects(filter=wanted, max_depth=3), MAX_OBJECTS):
        if one.type == raw.FPDF_PAGEOBJ_IMAGE:
            x0, y0, x1, y1 = one.get_bounds()
            covered += max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, top) - max(y0, foot))
        else:
            paths += 1
    part = covered / max(1.0, (right - left) * (top - foot))
    return part >= MIN_COVERED if letters else part >= MIN_COVERED_WITHOUT_TEXT or paths >= MIN_PATHS


def rendered(page: Any) -> Image:
    """The page as a picture, upright as it is shown."""
    width, height = page.get_size()
    scale = min(
        MAX_SCALE, (MAX_PICTURE_PIXELS / (width * height)) ** 0.5, MAX_PICTURE_SIDE_PX / max(width, height)
    )
    picture: Image = page.render(scale=scale, grayscale=True, may_draw_forms=False).to_pil()
    return picture
