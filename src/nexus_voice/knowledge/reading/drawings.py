"""What charts and diagrams in Office files say: their values and words."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from . import archive, number_format
from .document import flat
from .parts import tolerant

MAX_POINTS = 2_000
"""Of one series of a chart."""


def lines(
    book: zipfile.ZipFile, links: archive.Links, kind: str, id: str, lost: Callable[[str], object]
) -> list[str]:
    """What the drawing says to which `links` lead by `id`: a "chart", else a diagram. If it cannot be read,
    `lost` is called with what it is."""
    what, said = ("chart", chart) if kind == "chart" else ("diagram", diagram)
    with tolerant(partial(lost, what)):
        return list(said(archive.xml(book, links[id][1])))
    return []


def chart(root: Any) -> Iterator[str]:
    """The title of a chart, then one line for each series: "Sales: North 19.2, South 21.4"."""
    title = next(root.iter("{*}title"), None)
    if title is not None and title.getparent().tag.endswith("}chart") and (text := _letters(title)):
        yield text
    for number, series in enumerate(root.iter("{*}ser"), 1):
        name = " ".join(_points(series.find("{*}tx")).values()) or flat(series.findtext("{*}tx/{*}v") or "")
        values = _points(_first(series, "val", "yVal"))
        places = _points(_first(series, "cat", "xVal"))
        shown = [flat(f"{places.get(index, '')} {text}") for index, text in values.items()]
        if shown:
            yield f"{name or f'Series {number}'}: {', '.join(shown)}"


def diagram(root: Any) -> Iterator[str]:
    """The texts of a diagram (SmartArt), in the order in which they were written."""
    for point in root.iter("{*}pt"):
        if point.get("type", "node") == "node" and (text := _letters(point)):
            yield text


def _first(node: Any, *names: str) -> Any | None:
    return next((found for name in names if (found := node.find(f"{{*}}{name}")) is not None), None)


def _points(node: Any | None) -> dict[int, str]:
    """The texts that a chart keeps of the cells it shows, by their index."""
    found = dict[int, str]()
    if node is None:
        return found
    formats = next(node.iter("{*}formatCode"), None)
    code = (formats.text if formats is not None else None) or "General"
    numeric = next(node.iter("{*}numCache", "{*}numLit"), None) is not None
    for point in node.iter("{*}pt"):
        index = int(point.get("idx") or len(found))
        text = flat(point.findtext("{*}v") or "")
        if numeric:
            text = _number(text, point.get("formatCode") or code)
        # Categories of several levels: the inner one comes first.
        found[index] = f"{text} {found[index]}" if index in found else text
        if len(found) >= MAX_POINTS:
            break
    return {index: text for index, text in sorted(found.items()) if text}


def _number(text: str, code: str) -> str:
    try:
        return number_format.shown(float(text), code)
    except ValueError:
        return text


def _letters(node: Any) -> str:
    paragraphs = ("".join(run.text or "" for run in one.iter("{*}t")) for one in node.iter("{*}p"))
    return flat(" ".join(paragraphs))
