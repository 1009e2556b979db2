"""Sound to and from remote providers: whole utterances, and answers as PCM in pieces."""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterator

from ...core.audio import RATE, Pcm
from ...core.errors import BadInput
from .body import Body

MIN_UTTERANCE_S = 0.1
"""Providers refuse what is shorter, and nobody says a word in it."""
MAX_WAV_HEADER_BYTES = 1 << 20
_NOT_PCM = ("application/json", "text/", "audio/mpeg", "audio/ogg", "audio/flac", "audio/aac")
"""Content types that we did not ask for; played as PCM they would be noise at full volume."""
_MIN_UNKNOWN_SIZE = 0x7FFF_0000
"""A WAV size from here on, or 0, means that the writer did not know it."""
_COMPRESSED = (b"ID3", b"OggS", b"fLaC", b"\x1aE\xdf\xa3")
"""The first bytes of MP3, Ogg, FLAC and WebM."""


async def utterance(audio: AsyncIterator[Pcm]) -> Pcm:
    """The whole of `audio`; empty when it is shorter than `MIN_UTTERANCE_S`. Raises `BadInput` unless it
    is 16 kHz."""
    data = bytearray()
    try:
        async for pcm in audio:
            data += checked(pcm).data
    finally:
        if isinstance(audio, AsyncGenerator):  # an error leaves it half-way
            await audio.aclose()
    return Pcm(bytes(data) if len(data) >= 2 * MIN_UTTERANCE_S * RATE else b"", RATE)


def checked(pcm: Pcm) -> Pcm:
    """`pcm` itself. Raises `BadInput` unless it is 16 kHz."""
    if pcm.rate != RATE:
        raise BadInput(f"Speech recognition needs {RATE} Hz audio, not {pcm.rate} Hz")
    return pcm


def has_words(sentence: str) -> bool:
    """Whether there is anything to say; providers refuse, or bill, a text of punctuation only."""
    return any(character.isalnum() for character in sentence)


async def next_pcm(body: Body, reader: PcmReader) -> Pcm | None:
    """The next samples of a streamed answer; None at its end. Raises `EngineError` if it is no sound."""
    while data := await body.piece():
        kind = body.response.headers.get("content-type", "")
        try:
            if kind.startswith(_NOT_PCM) and not (reader.heard or data.startswith(b"RIFF")):
                raise ValueError(f"{kind} instead of PCM")
            pcm = reader.feed(data)
        except ValueError as error:
            raise body.errors.malformed(error) from error
        if pcm:
            return pcm
    if not reader.heard:
        raise body.errors.malformed("no sound")
    return None


class PcmReader:
    """PCM16 mono that comes in pieces of any length, raw at `rate` Hz or as a WAV file (its own rate)."""

    def __init__(self, rate: int) -> None:
        self.heard = False
        """Whether there were any samples."""
        self._rate = rate
        self._held = b""
        self._head = True
        self._left = 1 << 62

    def feed(self, data: bytes) -> Pcm | None:
        """The samples that `data` completes. Raises `ValueError` for what is no such sound."""
        data = self._held + data
        self._held = b""
        if self._head:
            if len(data) < 4 or (data.startswith(b"RIFF") and (begin := self._wav(data)) is None):
                self._held = data
                return None
            if data.startswith(_COMPRESSED):
                raise ValueError("compressed audio instead of PCM")
            if data.startswith(b"RIFF"):
                data = data[begin:]
            self._head = False
        data = data[: self._left]
        whole = len(data) - len(data) % 2
        self._held = data[whole:]
        self._left -= whole
        self.heard = self.heard or whole > 0
        return Pcm(data[:whole], self._rate) if whole else None

    def _wav(self, data: bytes) -> int | None:
        """Read the format; where the samples begin, or None when `data` does not reach that far."""
        at, known = 12, False
        while len(data) >= at + 8:
            name, size = struct.unpack_from("<4sI", data, at)
            at += 8
            if name == b"data":
                if not known:
                    raise ValueError("a WAV file without a format")
                if 0 < size < _MIN_UNKNOWN_SIZE:
                    self._left = size
                return at
            if name == b"fmt ":
                if len(data) < at + 16:
                    return None
                _, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at)
                if (channels, bits) != (1, 16) or not 4_000 <= rate <= 192_000:
                    raise ValueError(f"a WAV file with {channels} channels of {bits} bits at {rate} Hz")
                self._rate, known = rate, True
            at += size + size % 2
        if at > MAX_WAV_HEADER_BYTES:
            raise ValueError("a WAV file without sound")
        return None
