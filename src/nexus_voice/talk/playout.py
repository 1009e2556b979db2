"""Paces a reply's audio, and keeps the one ledger of what was heard of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import anyio

from ..core.audio import Mark, Pcm
from ..core.events import AudioEnd, AudioStart
from ..ports import Overlap
from .client_line import ClientLine
from .clocks import Clocks

SPEECH_CHARACTERS_PER_S = 14
"""Usual speed of speech, for a sentence whose audio is not all there yet."""
FIRST_REPORT_TIMEOUT_S = 0.1
"""How long the end of a reply waits for a client's first playback report; some clients never report."""
MAX_REPORT_AGE_S = 0.5
"""A playback report is extrapolated by at most this much; an older one says nothing about now."""


@dataclass(slots=True)
class Span:
    """A piece of the reply and where its audio lies, in seconds of this turn's audio."""

    text: str
    spoken: str
    start: float
    end: float | None = None
    marks: list[Mark] = field(default_factory=list)

    def heard(self, at: float, known: float) -> str:
        """The words of this piece that were out at `at`; `known` is how much audio there is at all."""
        if self.end is not None and self.end <= at:
            return self.text
        elapsed = at - self.start
        if elapsed <= 0 or not self.text:
            return ""
        said = [mark.chars for mark in self.marks if mark.at <= elapsed]
        if self.marks:
            share = (said[-1] if said else 0) / max(1, len(self.spoken))
        else:
            end = self.end or max(known, self.start + len(self.spoken) / SPEECH_CHARACTERS_PER_S)
            share = elapsed / max(end - self.start, 1e-9)
        return whole_words(self.text, math.floor(share * len(self.text)))


def whole_words(text: str, length: int) -> str:
    """The first `length` characters of `text`, without the word that was cut."""
    if length >= len(text):
        return text
    if text[length].isspace():
        return text[:length]
    cut = max((i for i in range(length) if text[i].isspace()), default=0)
    return text[:cut]


class Playout:
    """Sends one turn's audio, at most `lead` seconds ahead of what the user hears."""

    def __init__(
        self, line: ClientLine, turn: int, lead: float, overlap: Overlap | None, clocks: Clocks
    ) -> None:
        self._line = line
        self._turn = turn
        self._lead = lead
        self._overlap = overlap
        self._clocks = clocks
        self._spans: list[Span] = []
        self._rate = 0
        self._sent = 0.0
        self._ends = 0.0
        """When the audio sent so far will have been played, if the client plays it at once."""
        self._report: tuple[float, float] | None = None
        """The client's last word: seconds played, and when it said so."""
        self._reported = anyio.Event()
        self._stopped: float | None = None

    @property
    def speaking(self) -> str:
        """The text being said about now: what an echo would sound like."""
        return " ".join(span.spoken for span in self._spans[-3:])

    def begin(self, text: str, spoken: str) -> None:
        """What follows is the audio of `text`, read as `spoken`."""
        self._spans.append(Span(text, spoken, self._sent))

    async def add(self, chunk: Pcm | Mark) -> None:
        """The next of the current piece's audio or word times."""
        if isinstance(chunk, Mark):
            self._spans[-1].marks.append(chunk)
        else:
            await self._play(chunk)

    async def _play(self, pcm: Pcm) -> None:
        """Send one chunk, not earlier than `lead` seconds before it is heard."""
        ahead = self._ends - self._lead
        if ahead > anyio.current_time():
            await anyio.sleep_until(ahead)
        now = anyio.current_time()
        if pcm.rate != self._rate:
            self._rate = pcm.rate
            await self._line.send(AudioStart(self._turn, pcm.rate))
        starts = max(now, self._ends)
        self._ends = starts + pcm.seconds
        self._sent += pcm.seconds
        if self._overlap:
            self._overlap.far(pcm, starts)
        await self._line.audio(self._turn, pcm)
        self._clocks.lap("first_audio_sent")

    def finish(self) -> None:
        """The current piece's audio is complete."""
        self._spans[-1].end = self._sent

    async def drained(self) -> None:
        """Wait until everything sent has been heard."""
        await anyio.sleep_until(self._ends)
        if self._rate:
            await self._line.send(AudioEnd(self._turn))
            if self._report is None:  # of a short reply the client may not have spoken yet
                with anyio.move_on_after(FIRST_REPORT_TIMEOUT_S):
                    await self._reported.wait()

    def report(self, played: float) -> None:
        """The client says how many seconds of this turn its speaker has played."""
        now = anyio.current_time()
        played = min(max(played, 0.0), self._sent)
        if played > 0:
            self._clocks.lap("first_audio_played", now - played)
        self._report = (played, now)
        self._reported.set()
        self._reported = anyio.Event()

    def stop(self, onset: float | None) -> None:
        """The user, speaking since `onset`, is about to hear silence: no more of this turn is heard."""
        self._stopped = anyio.current_time()
        if onset is not None:
            self._clocks.laps["barge_in"] = round((self._stopped - onset) * 1e3, 1)

    async def position(self, within: float) -> float:
        """Seconds of this turn that were heard: the lesser of the client's report and our clock.

        A client that has been reporting is given `within` seconds for its last word.
        """
        stopped = anyio.current_time() if self._stopped is None else self._stopped
        clock = self._sent - max(0.0, self._ends - stopped)
        if clock <= 0:
            return 0.0
        if self._report is None or self._report[1] < stopped < self._ends:
            with anyio.move_on_after(within if self._report else FIRST_REPORT_TIMEOUT_S):
                await self._reported.wait()
        if self._report is None:
            return clock
        played, when = self._report
        return min(clock, played + min(max(0.0, stopped - when), MAX_REPORT_AGE_S))

    def heard(self, at: float) -> str:
        """The text that was out `at` seconds into the audio: whole pieces, then whole words. Pure."""
        out: list[str] = []
        for span in self._spans:
            part = span.heard(at, self._sent)
            out.append(part)
            if part != span.text:
                break
        return "".join(out).strip()
