"""The frames between the server and its worker processes.

A frame is the length of its body (4 bytes, big-endian) and the body, a msgpack array. The length comes
first so that the reader can refuse a frame before it has stored or decoded any of it: a body is decoded in
one go on the event loop, and its size bounds the time (256 KiB of the worst kind take about 10 ms) and the
memory (about 60 times its size).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgpack

LENGTH = struct.Struct(">I")
MAX_RESULT_BYTES = 256 << 10
"""The longest body that a worker may send."""
MAX_ITEM_BYTES = 64 << 20
"""The longest body that the server sends to a worker."""
MAX_MESSAGE = 2000
"""Characters of an error's message."""
MAX_CONTAINER_ITEMS = 4096
"""Items of one array or map from a worker: msgpack makes room for as many as the body announces."""


class BadFrame(Exception):
    """What arrived is no frame. Says what it is, as the end of a sentence that begins with a worker."""


def packed(*frame: Any) -> bytes:
    """One frame. Raises `TypeError`, `ValueError` or `OverflowError` for what msgpack does not carry."""
    body: bytes = msgpack.packb(frame)
    return LENGTH.pack(len(body)) + body


class FrameReader:
    """Cuts the bytes of a pipe into frames and decodes them. Keeps at most one unfinished frame."""

    def __init__(self, max_bytes: int, max_container_items: int = MAX_CONTAINER_ITEMS) -> None:
        self._max_bytes, self._max_container_items = max_bytes, max_container_items
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[list[Any]]:
        """The frames that `data` completes. Raises `BadFrame`."""
        self._buffer += data
        while len(self._buffer) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer)
            if length > self._max_bytes:
                raise BadFrame(
                    f"announced a frame of {length:,} bytes; at most {self._max_bytes:,} are taken"
                )
            end = LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[LENGTH.size : end])
            del self._buffer[:end]
            yield self._decode(body)

    def _decode(self, body: bytes) -> list[Any]:
        most = self._max_container_items
        try:
            frame = msgpack.unpackb(
                body, max_array_len=most, max_map_len=most, ext_hook=_no_extension, max_ext_len=0
            )
        except (ValueError, RecursionError, MemoryError) as error:
            raise BadFrame(f"sent a frame that cannot be read ({type(error).__name__})") from error
        if not isinstance(frame, list) or not frame:
            raise BadFrame("sent a frame that is not a list")
        return frame


def _no_extension(code: int, data: bytes) -> Any:
    raise ValueError("extension types are not used")
