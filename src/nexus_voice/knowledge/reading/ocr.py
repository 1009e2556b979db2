"""Recognises printed text in a picture with PP-OCR (Apache 2.0), through rapidocr.

One network finds the lines, another one reads each of them. Both are files of rapidocr's wheel, so nothing is
downloaded. They run on one thread, because a conversation may need the other cores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from .document import flat
from .limits import MAX_PICTURE_SIDE_PX

if TYPE_CHECKING:
    from PIL.Image import Image

DETECTOR, READER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
MAX_SEARCHED_PIXELS = 1_600_000
"""Of the copy in which lines are searched: the network needs 500 MB for so many, and 700 for 2.8 million."""
MIN_SEARCHED_SIDE_PX, MAX_ENLARGED = 736, 2.0
"""A picture with a shorter side is enlarged for it, by such a factor at most: it may be of a small screen."""
MIN_SCORE = 0.5
"""A line that is read with less confidence is left out: it is a stain, a drawing or a photograph."""
UPRIGHT_RATIO = 1.5
"""A box that is higher than wide by this factor stands on end."""
MIN_ON_END = 0.6
"""A page is turned by a quarter if this part of its text's length stands on end."""
SAMPLE_LINES = 3
"""Lines that are read in several directions, to find out which one is right."""
MAX_LETTER_RATIO, MIN_MEASURED_RATIO = 2.0, 4.0
"""A line of which a letter takes more than so many heights, and that is as long as the second, is in a script
that the network does not know: it sees no more than the commas."""
SURE_SCORE, MIN_GAIN = 0.9, 0.1
"""A page is tried upside down where its sample has less than the first, and turned if it gains the second."""
LONG_RATIO = 5.0
"""A box that is wider than high by this factor shows by how much the page is askew."""

Pixels = Any
"""An array of [height, width, 3] bytes, blue first."""
Corners = Any
"""An array of [4, 2]: left and top, right and top, right and bottom, left and bottom, in pixels."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A line of print, and where it is in pixels from the left and from the top of the page that stands
    upright. `score` is the reader's confidence, from 0 to 1."""

    text: str
    x0: float
    x1: float
    top: float
    foot: float
    score: float


@dataclass(frozen=True, slots=True)
class Recognised:
    """The lines of a page that is `width` and `height` pixels large, from top to bottom. It is not `whole` if
    there was too much to read in the time. `lost` is the part of what looks like print, by its length, that
    could not be read."""

    lines: list[Printed]
    width: int
    height: int
    whole: bool = True
    lost: float = 0.0

    @property
    def score(self) -> float:
        """The confidence of an average letter; 1 if there is none."""
        letters = sum(len(line.text) for line in self.lines)
        return sum(line.score * len(line.text) for line in self.lines) / letters if letters else 1.0


def recognise(picture: Image, until: float) -> Recognised:
    """Read a picture of at most `MAX_PICTURE_PIXELS` and `MAX_PICTURE_SIDE_PX`. It may be turned by quarters,
    and a few degrees askew. `until` is a time of `time.monotonic`; lines that are not read by then are left
    out."""
    pixels = np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])
    pixels, boxes = _upright(pixels, _boxes(pixels))
    height, width = pixels.shape[:2]
    angle = _askew(boxes)
    lines, whole, lengths, lost = list[Printed](), True, 0.0, 0.0
    for box in boxes:
        if time.monotonic() > until:
            whole = False
            break
        text, score = _line(pixels, box)
        length = max(_size(box))
        lengths += length
        if score < MIN_SCORE or _sparse(text, box):
            lost += length
        else:
            lines.append(Printed(text, *_place(box, angle, width, height), score))
    return Recognised(sorted(lines, key=lambda line: line.top), width, height, whole, lost / (lengths or 1.0))


@cache
def _engine() -> Any:
    import cv2

    with _silence():  # onnxruntime warns of each file that a confined process cannot look at
        import onnxruntime  # noqa: F401 - rapidocr imports it later
    import rapidocr

    cv2.setNumThreads(1)
    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": 2 * MAX_PICTURE_SIDE_PX,  # sizes are decided here
            "Det.limit_type": "max",
            "Det.limit_side_len": 2 * MAX_PICTURE_SIDE_PX,
            "Det.model_path": str(models / DETECTOR),
            "Rec.model_path": str(models / READER),
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing reaches standard error, not even from a C library."""
    kept, (out, into) = os.dup(2), os.pipe()
    os.dup2(into, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        for one in (kept, out, into):
            os.close(one)


def _boxes(pixels: Pixels) -> list[Corners]:
    import cv2

    height, width = pixels.shape[:2]
    larger = max(1.0, MIN_SEARCHED_SIDE_PX / min(height, width))
    scale = min(
        larger, (MAX_SEARCHED_PIXELS / (height * width)) ** 0.5, MAX_PICTURE_SIDE_PX / max(height, width)
    )
    size = max(1, round(width * scale)), max(1, round(height * scale))
    copy = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    found = _engine()(copy, use_det=True, use_cls=False, use_rec=False).boxes
    return [] if found is None else [np.asarray(box) / scale for box in found]


def _read(crop: Pixels) -> tuple[str, float]:
    found = _engine()(crop, use_det=False, use_cls=False, use_rec=True)
    return (flat(found.txts[0]), float(found.scores[0])) if found.txts else ("", 0.0)


def _line(pixels: Pixels, box: Corners) -> tuple[str, float]:
    """(text, confidence) of a box. One that stands on end may hold a narrow letter, or a line that runs up or
    down the page."""
    crop = _crop(pixels, box)
    if crop.shape[0] < UPRIGHT_RATIO * crop.shape[1]:
        return _read(crop)
    return max((_read(np.rot90(crop, turn)) for turn in (0, 1, 3)), key=lambda found: found[1])


def _sparse(text: str, box: Corners) -> bool:
    longer, shorter = max(_size(box)), max(1.0, min(_size(box)))
    return not text or longer > max(MIN_MEASURED_RATIO, MAX_LETTER_RATIO * len(text)) * shorter


def _crop(pixels: Pixels, box: Corners) -> Pixels:
    """What is in the box, straight."""
    import cv2

    width = max(1, round(max(_distance(box[0], box[1]), _distance(box[3], box[2]))))
    height = max(1, round(max(_distance(box[0], box[3]), _distance(box[1], box[2]))))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.asarray(box, np.float32), corners)
    return cv2.warpPerspective(
        pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC
    )


def _upright(pixels: Pixels, boxes: list[Corners]) -> tuple[Pixels, list[Corners]]:
    """The page and its boxes, turned so that it stands upright."""
    if not boxes:
        return pixels, boxes
    sizes = [_size(box) for box in boxes]
    lengths = [max(size) for size in sizes]
    on_end = sum(max(size) for size in sizes if size[1] > UPRIGHT_RATIO * size[0])
    sample = sorted(range(len(boxes)), key=lambda index: lengths[index])[len(boxes) // 2 :][:SAMPLE_LINES]
    crops = [_crop(pixels, boxes[index]) for index in sample]
    if on_end > MIN_ON_END * sum(lengths):
        best = max((0, 1, 3), key=lambda turn: _confidence(crops, turn))
    else:
        straight = _confidence(crops, 0)
        turned = straight < SURE_SCORE and _confidence(crops, 2) > straight + MIN_GAIN
        best = 2 if turned else 0
    if not best:
        return pixels, boxes
    pixels = np.ascontiguousarray(np.rot90(pixels, best))
    return pixels, _boxes(pixels)


def _confidence(crops: Sequence[Pixels], turn: int) -> float:
    return fmean(_read(np.rot90(crop, turn))[1] for crop in crops)


def _askew(boxes: Sequence[Corners]) -> float:
    """By how many radians lines go down to the right."""
    angles = list[float]()
    for box in boxes:
        width, height = _size(box)
        if width > LONG_RATIO * height:
            right, left = (box[1] + box[2]) / 2, (box[0] + box[3]) / 2
            angles.append(float(np.arctan2(right[1] - left[1], right[0] - left[0])))
    return median(angles) if angles else 0.0


def _place(box: Corners, angle: float, width: int, height: int) -> tuple[float, float, float, float]:
    """(left, right, top, bottom) of a box on the page that is turned back by the angle."""
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    x, y = np.asarray(box, np.float64).T - np.array([[width / 2], [height / 2]])
    across, down = x * cosine + y * sine + width / 2, y * cosine - x * sine + height / 2
    left, right = (across[0] + across[3]) / 2, (across[1] + across[2]) / 2
    return float(left), float(right), float(down[:2].mean()), float(down[2:].mean())


def _size(box: Corners) -> tuple[float, float]:
    return _distance(box[0], box[1]), _distance(box[0], box[3])


def _distance(one: Any, other: Any) -> float:
    return float(np.hypot(*(np.asarray(one, np.float64) - other)))
