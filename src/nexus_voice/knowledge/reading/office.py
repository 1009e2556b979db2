"""Reads Word and PowerPoint files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from . import archive, html, tables
from .document import Block, Contents, flat
from .limits import Limits

STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Code'] => pre:separator('\\n')
p[style-name='HTML Preformatted'] => pre:separator('\\n')
"""
"""Styles that Mammoth does not know."""


def word(name: str, data: bytes, limits: Limits) -> Contents:
    import mammoth

    title = archive.title(archive.opened(name, data, limits))
    result = mammoth.convert_to_html(io.BytesIO(data), style_map=STYLES, convert_image=lambda image: [])
    return Contents(title, html.read(result.value, guess=True).blocks)


def slides(name: str, data: bytes, limits: Limits) -> Contents:
    """Every slide under its title. A slide is a page."""
    from pptx import Presentation

    title = archive.title(archive.opened(name, data, limits))
    shown = Presentation(io.BytesIO(data)).slides
    blocks = [block for number, slide in enumerate(shown, 1) for block in _slide(slide, number)]
    return Contents(title, blocks, len(shown))


def _slide(slide: Any, number: int) -> Iterator[Block]:
    title = slide.shapes.title
    yield Block(flat(title.text_frame.text if title is not None else "") or f"Slide {number}", 2, page=number)
    for shape in _leaves(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if shape.has_text_frame:
            yield from _paragraphs(shape.text_frame, number, bullets=shape.is_placeholder)
        elif getattr(shape, "has_table", False):
            rows = [[flat(cell.text) for cell in row.cells] for row in shape.table.rows]
            yield from tables.blocks(rows, number)
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
        yield from _paragraphs(notes, number)


def _leaves(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _leaves(shape.shapes)
        else:
            yield shape


def _paragraphs(frame: Any, number: int, bullets: bool = False) -> Iterator[Block]:
    texts = [text for paragraph in frame.paragraphs if (text := flat(paragraph.text))]
    listed = bullets and len(texts) > 1
    for index, text in enumerate(texts):
        yield Block(f"- {text}" if listed else text, tight=listed and index > 0, page=number)
