"""Cuts a transcript into timed segments, and writes these as subtitles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.audio import Transcript, Word

PAUSE_S = 0.8
"""Seconds of silence between two words that begin a new segment."""
MAX_SEGMENT_S = 7.0
"""Seconds of one segment: two lines of subtitles should not stand longer."""


@dataclass(frozen=True, slots=True)
class Segment:
    """`start` and `end` in seconds from the beginning of the audio."""

    start: float
    end: float
    text: str


def segments(transcript: Transcript, seconds: float) -> list[Segment]:
    """Segments by sentences and pauses; one for the whole when the times of the words are not known."""
    if not transcript.text:
        return []
    if not transcript.words:
        return [Segment(0.0, seconds, transcript.text)]
    groups: list[list[Word]] = []
    for word in transcript.words:
        if not groups or _parts(groups[-1], word):
            groups.append([])
        groups[-1].append(word)
    return [Segment(one[0].start, one[-1].end, " ".join(word.text for word in one)) for one in groups]


def _parts(group: Sequence[Word], word: Word) -> bool:
    last = group[-1]
    ended = last.text.endswith((".", "!", "?", "…", "。"))
    return ended or word.start - last.end >= PAUSE_S or word.end - group[0].start > MAX_SEGMENT_S


def srt(found: Sequence[Segment]) -> str:
    """The segments in SubRip's format."""
    blocks = (
        f"{number}\n{_clock(one.start, ',')} --> {_clock(one.end, ',')}\n{one.text}\n"
        for number, one in enumerate(found, 1)
    )
    return "\n".join(blocks)


def vtt(found: Sequence[Segment]) -> str:
    """The segments in WebVTT, with `&`, `<` and `>` escaped."""
    blocks = (f"{_clock(one.start, '.')} --> {_clock(one.end, '.')}\n{_escaped(one.text)}\n" for one in found)
    return "\n".join(["WEBVTT\n", *blocks])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1e3)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
