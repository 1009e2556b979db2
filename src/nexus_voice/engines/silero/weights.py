"""Reads the weights in an ONNX file without importing `onnx`, which would take 0.3 s at every start.

Only the four fields needed are followed, in protobuf's wire format: ModelProto.graph (7),
GraphProto.initializer (5), TensorProto.dims (1), .data_type (2), .name (8), .raw_data (9).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FLOAT = 1  # TensorProto.DataType.FLOAT


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Every float32 initializer by name. Raises `ValueError` or `IndexError` on a damaged file."""
    weights = {}
    for field, graph in _fields(memoryview(path.read_bytes())):
        if field == 7 and isinstance(graph, memoryview):
            for kind, tensor in _fields(graph):
                if kind == 5 and isinstance(tensor, memoryview):
                    weights.update(_tensor(tensor))
    return weights


def _tensor(data: memoryview) -> dict[str, NDArray[np.float32]]:
    dims: list[int] = []
    kind, name, raw = 0, "", memoryview(b"")
    for field, value in _fields(data):
        if isinstance(value, int):
            if field == 1:
                dims.append(value)
            elif field == 2:
                kind = value
        elif field == 1:  # packed
            dims.extend(_varints(value))
        elif field == 8:
            name = str(value, "utf-8")
        elif field == 9:
            raw = value
    return {name: np.frombuffer(raw, "<f4").reshape(dims)} if kind == _FLOAT and raw else {}


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
            case 1 | 5 as wire:
                at += 8 if wire == 1 else 4
            case 2:
                size, at = _varint(data, at)
                yield key >> 3, data[at : at + size]
                at += size
            case wire:
                raise ValueError(f"not a protobuf file (wire type {wire})")


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
