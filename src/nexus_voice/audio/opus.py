"""Ogg Opus (RFC 7845) as it is made: samples in, pages out."""

from __future__ import annotations

import numpy as np

RATE = 24_000
"""Hz; Opus knows 8, 12, 16, 24 and 48 kHz, and 24 kHz loses nothing of a voice made at 22.05 kHz."""


class OggOpus:
    """One stream of PCM16 mono at `RATE`; a page of Ogg holds about a second of sound."""

    def __init__(self) -> None:
        import soundfile  # libsndfile is loaded only by those who want it

        self._pages = _Pages()
        self._file = soundfile.SoundFile(self._pages, "w", RATE, 1, format="OGG", subtype="OPUS")

    def push(self, data: bytes) -> bytes:
        """The pages that `data` (whole samples) completed: often none."""
        self._file.write(np.frombuffer(data, "<i2"))
        return self._pages.taken()

    def finish(self) -> bytes:
        """The last pages; nothing may be pushed after it."""
        self._file.close()
        return self._pages.taken()


class _Pages:
    """What libsndfile takes for a file: it only ever appends to an Ogg stream."""

    def __init__(self) -> None:
        self._pages: list[bytes] = []
        self._size = 0

    def taken(self) -> bytes:
        pages = b"".join(self._pages)
        self._pages.clear()
        return pages

    def write(self, data: bytes) -> int:
        self._pages.append(bytes(data))
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        return b""
