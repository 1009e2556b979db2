"""Finds ruled tables on a page: from the lines that are drawn, the places of their columns and rows."""

from __future__ import annotations

from bisect import bisect_left

Box = tuple[float, float, float, float]
"""(left, bottom, right, top) in points; coordinates grow upwards."""
Grid = tuple[Box, list[float], list[float]]
"""(box, the columns' edges from the left, the rows' edges from the top)."""

MAX_LINE_WIDTH_PT = 3.0
"""A drawn shape that is not wider is a line."""
MAX_GAP_PT = 3.0
"""Lines that are not farther apart are one edge, or touch each other."""


def find(drawn: list[Box]) -> list[Grid]:
    """The tables of at least two columns and two rows. `drawn` are the boxes of the shapes on the page."""
    upright = list[Box]()
    level = list[Box]()
    for left, foot, right, top in drawn:
        wide, high = right - left, top - foot
        if high <= MAX_LINE_WIDTH_PT < wide:
            level.append((left, (foot + top) / 2, right, (foot + top) / 2))
        elif wide <= MAX_LINE_WIDTH_PT < high:
            upright.append(((left + right) / 2, foot, (left + right) / 2, top))
        elif wide > MAX_LINE_WIDTH_PT and high > MAX_LINE_WIDTH_PT:  # the frame of a cell, or its background
            level += (left, foot, right, foot), (left, top, right, top)
            upright += (left, foot, left, top), (right, foot, right, top)
    grids = list[Grid]()
    for group in _touching(upright, level):
        xs = _edges([box[0] for box in group if box[0] == box[2]])
        ys = _edges([box[1] for box in group if box[0] != box[2]])
        if len(xs) > 2 and len(ys) > 2:
            grids.append(((xs[0], ys[0], xs[-1], ys[-1]), xs, ys[::-1]))
    return grids


def _touching(upright: list[Box], level: list[Box]) -> list[list[Box]]:
    """Groups of lines that cross each other, directly or through others."""
    lines = upright + level
    group = list(range(len(lines)))

    def root(index: int) -> int:
        while group[index] != index:
            group[index] = index = group[group[index]]
        return index

    order = sorted(range(len(upright)), key=lambda index: upright[index][0])
    places = [upright[index][0] for index in order]
    for number, (left, y, right, _) in enumerate(level, len(upright)):
        for at in range(bisect_left(places, left - MAX_GAP_PT), len(places)):
            if places[at] > right + MAX_GAP_PT:
                break
            box = upright[order[at]]
            if box[1] - MAX_GAP_PT <= y <= box[3] + MAX_GAP_PT:
                group[root(order[at])] = root(number)
    found: dict[int, list[Box]] = {}
    for index, line in enumerate(lines):
        found.setdefault(root(index), []).append(line)
    return list(found.values())


def _edges(places: list[float]) -> list[float]:
    """The places in order; those that are close together are one."""
    edges = list[float]()
    for place in sorted(places):
        if not edges or place - edges[-1] > MAX_GAP_PT:
            edges.append(place)
    return edges
