"""Paces a reply's audio, and keeps the one ledger of what was heard of it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import anyio
import numpy as np

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
MAX_REWIND_S = 2.0
"""How far before what was heard last a paused reply may go on; so much played audio is kept."""
WORD_GAP_S = 0.25
"""How far from its reckoned place the beginning of a word may lie, where the voice gives no word times."""
QUIET_S = 0.02
"""Length of the quiet moment that is looked for there."""


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

    def word_at(self, at: float, known: float) -> float:
        """When the word that is out at `at` began: by the marks, which lie at the ends of words, or by
        proportion."""
        if self.marks or not self.spoken:
            return max(
                (self.start + mark.at for mark in self.marks if self.start + mark.at <= at),
                default=self.start,
            )
        end = self.end or max(known, self.start + len(self.spoken) / SPEECH_CHARACTERS_PER_S)
        pace = (end - self.start) / len(self.spoken)
        said = math.floor((at - self.start) / pace)
        return self.start + pace * (self.spoken.rfind(" ", 0, said) + 1)


def whole_words(text: str, length: int) -> str:
    """The first `length` characters of `text`, without the word that was cut."""
    if length >= len(text):
        return text
    if text[length].isspace():
        return text[:length]
    cut = max((i for i in range(length) if text[i].isspace()), default=0)
    return text[:cut]


class Playout:
    """Sends one turn's audio, at most `lead` seconds ahead of what the user hears.

    While it is paused, time stands still. The client drops what it has not played; on `resume` that is sent
    again, from the beginning of the word that was cut.
    """

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
        self._kept: deque[tuple[float, Pcm]] = deque()
        """Audio that may have to be sent again, each piece with its position in this turn's audio."""
        self._sent = 0.0
        self._ends = 0.0
        """When the audio sent so far will have been played, if the client plays it at once."""
        self._report: tuple[float, float] | None = None
        """The client's last word: seconds played, and when it said so."""
        self._reported = anyio.Event()
        self._stopped: float | None = None
        """Since when the user has heard silence: paused, or at an end."""
        self._resumed = anyio.Event()
        self._furthest = 0.0
        """Seconds that were heard before the latest resumption, which goes back a little."""

    @property
    def speaking(self) -> str:
        """The text being said about now: what an echo would sound like."""
        return " ".join(span.spoken for span in self._spans[-3:])

    @property
    def paused(self) -> bool:
        return self._stopped is not None

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
        await self._until_unplayed(self._lead)
        while pcm.rate != self._rate:
            self._rate = pcm.rate
            self._kept.clear()
            await self._line.send(AudioStart(self._turn, pcm.rate))
            await self._until_unplayed(self._lead)
        self._keep(pcm)
        await self._send(pcm)
        self._clocks.lap("first_audio_sent")

    def _keep(self, pcm: Pcm) -> None:
        """Enter `pcm` into the ledger, and forget audio that cannot be needed again."""
        self._kept.append((self._sent, pcm))
        self._sent += pcm.seconds
        needed = self._sent - max(0.0, self._ends - anyio.current_time()) - MAX_REWIND_S
        while self._kept[0][0] + self._kept[0][1].seconds < needed:
            self._kept.popleft()

    async def _send(self, pcm: Pcm) -> None:
        starts = max(anyio.current_time(), self._ends)
        self._ends = starts + pcm.seconds
        if self._overlap:
            self._overlap.far(pcm, starts)
        await self._line.audio(self._turn, pcm)

    async def _until_unplayed(self, seconds: float) -> None:
        """Wait until no more than `seconds` of what was sent are still to be heard."""
        while self.paused or anyio.current_time() < self._ends - seconds:
            if self.paused:
                await self._resumed.wait()
            else:
                await anyio.sleep_until(self._ends - seconds)

    def finish(self) -> None:
        """The current piece's audio is complete."""
        self._spans[-1].end = self._sent

    async def drained(self) -> None:
        """Wait until everything sent has been heard."""
        await self._until_unplayed(0)
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

    async def pause(self) -> None:
        """Silence the client, and keep the place."""
        if not self.paused:
            self._silent()
            await self._line.pause(self._turn)

    async def resume(self) -> None:
        """Go on from the beginning of the word that was cut."""
        self._furthest = self._heard_for()
        at = self.beginning(self._furthest)
        at = round(at * self._rate) / max(1, self._rate)  # a whole sample, so that no seam is heard
        await self._line.resume(self._turn, at)
        self._ends = anyio.current_time()
        for start, pcm in list(self._kept):
            skipped = max(0, round((at - start) * pcm.rate))
            if skipped < pcm.samples:
                await self._send(Pcm(pcm.data[2 * skipped :], pcm.rate))
        self._stopped = None
        self._resumed.set()

    def stop(self, onset: float | None) -> None:
        """The user, speaking since `onset`, is about to hear silence: no more of this turn is heard."""
        stopped = self._silent()
        if onset is not None:
            self._clocks.laps["barge_in"] = round((stopped - onset) * 1e3, 1)

    def _silent(self) -> float:
        """Since when the user has heard silence."""
        if self._stopped is None:
            self._stopped = anyio.current_time()
            self._resumed = anyio.Event()
            if self._overlap:
                self._overlap.cut(self._stopped)
        return self._stopped

    async def position(self, within: float) -> float:
        """Seconds of this turn that were heard: the lesser of the client's report and our clock.

        A client that has been reporting is given `within` seconds for its last word.
        """
        stopped = anyio.current_time() if self._stopped is None else self._stopped
        if self._heard_for() <= 0:
            return 0.0
        if self._report is None or self._report[1] < stopped < self._ends:
            with anyio.move_on_after(within if self._report else FIRST_REPORT_TIMEOUT_S):
                await self._reported.wait()
        return self._heard_for()

    def _heard_for(self) -> float:
        """The same by what is known now."""
        stopped = anyio.current_time() if self._stopped is None else self._stopped
        clock = self._sent - max(0.0, self._ends - stopped)
        if self._report is not None:
            played, when = self._report
            clock = min(clock, played + min(max(0.0, stopped - when), MAX_REPORT_AGE_S))
        return max(clock, self._furthest)

    def beginning(self, at: float) -> float:
        """Where to go on after a pause `at` seconds into the audio: at the beginning of that word."""
        span = next((span for span in reversed(self._spans) if span.start <= at), None)
        if span is None or not self._kept:
            return at
        first = self._kept[0][0]
        if span.end is not None and span.end <= at:
            return max(at, first)
        begin = span.word_at(at, self._sent)
        if not span.marks and begin > span.start:
            begin = self._quietest(max(begin - WORD_GAP_S, span.start), min(begin + WORD_GAP_S, at))
        return max(min(max(begin, at - MAX_REWIND_S), at), first)

    def _quietest(self, begin: float, end: float) -> float:
        """The middle of the quietest moment of the kept audio between two positions."""
        size = round(QUIET_S * self._rate)
        audio = b"".join(pcm.data for _, pcm in self._kept)
        first = self._kept[0][0]
        skipped = max(0, round((begin - first) * self._rate))
        x = np.frombuffer(audio, "<i2")[skipped : round((end - first) * self._rate)].astype(np.float32)
        blocks = x[: len(x) // size * size].reshape(-1, size)
        if not len(blocks):
            return end
        return first + (skipped + (int(np.square(blocks).sum(axis=1).argmin()) + 0.5) * size) / self._rate

    def heard(self, at: float) -> str:
        """The text that was out `at` seconds into the audio: whole pieces, then whole words. Pure."""
        out: list[str] = []
        for span in self._spans:
            part = span.heard(at, self._sent)
            out.append(part)
            if part != span.text:
                break
        return "".join(out).strip()
