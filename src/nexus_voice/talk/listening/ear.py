"""Turns microphone audio into what is heard: detector, endpointing and recogniser of one session."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ...core.audio import RATE, Pcm, Transcript
from ...core.errors import EngineError
from ...ports import Overlap
from ..floor import Floor
from ..session import Session, noting
from ..streams import closing
from .barge_in import BargeIn
from .endpointing import MAX_UTTERANCE_S, STABLE_PAUSE_S, Endpoint, samples
from .events import (
    Aside,
    Claimed,
    Dismissed,
    Edge,
    FalseOnset,
    Final,
    Heard,
    Hush,
    Onset,
    Partial,
    Pause,
    SpeechEnd,
    Sustained,
    Unheard,
)
from .turn_end import NOTHING, Evidence

BLOCK_S = 0.1
"""Audio handed to the recogniser at a time: fewer wake-ups than with every frame."""
RELAXED_PIECE_S = 0.064
"""Sound that is worked on at a time while nothing is urgent: two windows."""
WINDOW_SAMPLES = 512
"""The usual detector's window (Silero's, at 16 kHz)."""
MAX_JUDGED_S = 8.0
"""Sound of an utterance that is kept for judging whether its speaker has finished."""
MIN_LANGUAGE_S = 2.0
"""The language of a shorter utterance is no sign that the conversation is in another one now."""
NO_AUDIO_TIMEOUT_S = 2.0
"""Without any audio for so long an utterance is over."""
AFTER_ECHO_S = 0.25
"""Where the user's speech emerges from the assistant's echo, so much before counts as theirs."""


class Utterance:
    """Audio on its way to the recogniser, in blocks, and what is known of it.

    The longest utterance bounds it.
    """

    def __init__(self, barge_in: BargeIn, first: int) -> None:
        self.scope = anyio.CancelScope()
        self.barge_in = barge_in
        self.text = self.language = self.engine = ""
        self.sure = True
        """Whether the recogniser is sure of `text`."""
        self.ended = 0.0
        self._first = first
        """Where its first sample is in the session."""
        self._covered: int | None = None
        """Where the audio ends that `text` covers; None: the recogniser does not say."""
        self._judged = 0, 0.0
        """Where speech had ended when it was judged, and how likely it had finished."""
        self._recent = bytearray()
        self._block = bytearray()
        self.feed: MemoryObjectSendStream[Pcm]
        self.audio: MemoryObjectReceiveStream[Pcm]
        self.feed, self.audio = anyio.create_memory_object_stream[Pcm](round(2 * MAX_UTTERANCE_S / BLOCK_S))

    def add(self, pcm: Pcm) -> None:
        self._recent += pcm.data
        if len(self._recent) > 4 * samples(MAX_JUDGED_S):
            del self._recent[: -2 * samples(MAX_JUDGED_S)]
        self._block += pcm.data
        if len(self._block) >= 2 * samples(BLOCK_S):
            self.flush()

    def finish(self, ended: float) -> None:
        """No more audio; the last voiced sample was heard at `ended`."""
        self.ended = ended
        self.flush()
        self.feed.close()

    def cancel(self) -> None:
        self.feed.close()
        self.scope.cancel()

    def heard_by(self, engine: str) -> None:
        self.engine = engine

    @property
    def recent(self) -> Pcm:
        return Pcm(bytes(self._recent[-2 * samples(MAX_JUDGED_S) :]), RATE)

    def understood(self, partial: Transcript) -> None:
        """The recogniser has new words, or has heard more of the audio."""
        self.text, self.language, self.sure = partial.text, partial.language, partial.sure
        self._covered = None if partial.until is None else self._first + samples(partial.until)

    def judged(self, last_voiced: int, finished: float) -> None:
        self._judged = last_voiced, finished

    def known(self, last_voiced: int) -> Evidence:
        """What is known while the speaker is silent since `last_voiced`."""
        heard_out = self._covered is None or self._covered >= last_voiced
        when, finished = self._judged
        return Evidence(self.text, heard_out, finished if when == last_voiced else None)

    def flush(self) -> None:
        """Hand over what there is: the speaker pauses, so that the recogniser may have heard all of it."""
        if self._block:
            # A recogniser that is stuck or gone is reported by its own task.
            with suppress(anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.feed.send_nowait(Pcm(bytes(self._block), RATE))
            self._block.clear()


class Ear:
    """Feed it every message of microphone audio; what it hears goes to `out`."""

    def __init__(
        self,
        session: Session,
        rate: int,
        floor: Floor,
        overlap: Overlap,
        tasks: TaskGroup,
        out: MemoryObjectSendStream[Heard],
    ) -> None:
        self._session = session
        self._floor = floor
        self._tasks = tasks
        self._out = out
        self._front = session.engines.front_ends.open(rate)
        self._rate = rate
        self._gathered = bytearray()
        self._wanted = 0
        """Bytes of sound to gather before it is worth a look."""
        self._endpoint = Endpoint(session.tuning.silence)
        self._overlap = overlap
        self._utterance: Utterance | None = None
        self._recent: deque[Pcm] = deque()
        self._recent_samples = 0
        self._asking = False
        """Whether the judge of turns is being asked."""
        self._last_language = ""
        """Of the latest question, however short; whoever speaks over its answer probably speaks the same."""
        self._heard_at = anyio.current_time()
        self.tune()

    def tune(self) -> None:
        """Start listening afresh, because the user's settings changed."""
        self._detector = self._session.engines.vad.open(self._session.manner.sensitivity)
        self._endpoint.reset()
        self._gathered.clear()
        self._drop_utterance()

    async def hear(self, data: bytes) -> None:
        """Take one message from the microphone, of any length.

        Sound is gathered and worked on in larger pieces while that keeps nobody waiting, because most
        of the cost is per piece.
        """
        if self._session.manner.hands_free or self._endpoint.held:
            self._gathered += data
            if len(self._gathered) >= self._wanted:
                await self._listen()

    async def _listen(self) -> None:
        """Clean, detect and recognise the sound gathered so far."""
        pcm = self._front(bytes(self._gathered))
        self._gathered.clear()
        now = self._heard_at = anyio.current_time()
        self._overlap.near(pcm, now)
        windows = await self._detector(pcm)
        self._keep_recent(pcm)
        if self._utterance is not None:
            self._utterance.add(pcm)
        for edge in self._endpoint.feed(pcm.samples, windows, self._known()):
            await self._report(edge, now)
        if self._utterance is not None:
            if self._endpoint.gap and not self._known().heard_out:
                self._utterance.flush()  # these may have been the last words: have them recognised at once
            await self._judge(self._utterance)
        self._plan()

    def _plan(self) -> None:
        """Decide how much sound to gather; again when something becomes known that may end the utterance."""
        self._wanted = 2 * round(self._seconds_wanted() * self._rate)

    def _known(self) -> Evidence:
        return self._utterance.known(self._endpoint.last_voiced) if self._utterance else NOTHING

    def _seconds_wanted(self) -> float:
        """Seconds of sound to gather before it is worth a look."""
        if self._floor.taken:  # an interruption shows when the detector's next window is complete
            return (WINDOW_SAMPLES - self._endpoint.position % WINDOW_SAMPLES) / RATE
        if self._utterance is None or self._endpoint.held:
            return RELAXED_PIECE_S
        return min(self._endpoint.undecided(self._known()) / RATE, RELAXED_PIECE_S)

    async def talk_start(self) -> None:
        """The talk button goes down: the assistant is silent, and everything is speech."""
        await self._out.send(Hush())
        if not self._endpoint.held:
            self._endpoint.press()
            if self._utterance is None:
                await self._report(Onset(self._endpoint.position), anyio.current_time())

    async def talk_end(self) -> None:
        if self._endpoint.held:
            await self._listen()
            await self._report(self._endpoint.release(), anyio.current_time())

    async def _report(self, edge: Edge, now: float) -> None:
        match edge:
            case Onset(position):
                began = self._time(position, now)
                self._transcribe(BargeIn(self._session, self._floor, self._overlap, self._endpoint, began))
                await self._out.send(replace(edge, at=began))
            case Pause() if self._utterance:
                self._utterance.flush()
                if not self._asking:
                    self._asking = True
                    self._tasks.start_soon(self._ask, self._utterance, self._endpoint.last_voiced)
                await self._settle(self._utterance)
            case FalseOnset():
                self._drop_utterance()
                await self._out.send(edge)
            case SpeechEnd(last_voiced):
                if self._utterance:
                    self._utterance.finish(self._time(last_voiced, now))
                    self._utterance = None
                    self._forget_recent()

    async def _settle(self, utterance: Utterance) -> None:
        """The speaker pauses: tell their words, if these are all that was said."""
        if self._utterance is utterance and utterance.text and self._known().heard_out:
            await self._out.send(Partial(utterance.text, stable=True, language=utterance.language))

    def _time(self, position: int, now: float) -> float:
        """When the sample at `position` was heard."""
        return now - (self._endpoint.position - position) / RATE

    # --- the assistant is spoken over --------------------------------------------------------

    async def _judge(self, utterance: Utterance) -> None:
        """Report what is new about somebody speaking over the assistant."""
        barge_in = utterance.barge_in
        echo = not barge_in.over_echo
        finding = barge_in.judge(utterance.text, self._heard_at, sure=utterance.sure)
        if echo and barge_in.over_echo:
            utterance = await self._begin_after_echo(utterance)
        if isinstance(finding, Sustained):
            self._tasks.start_soon(self._conclude_in_time, utterance)
        if finding:
            await self._tell(utterance, finding)

    async def _tell(self, utterance: Utterance, finding: Sustained | Claimed | Dismissed) -> None:
        await self._out.send(finding)
        over = self._utterance is utterance and self._endpoint.silent >= samples(STABLE_PAUSE_S)
        if isinstance(finding, Dismissed) and utterance.text and over:
            # Nothing of the answer that goes on now shall be taken for the rest of it.
            await self._report(self._endpoint.release(), self._heard_at)

    async def _begin_after_echo(self, utterance: Utterance) -> Utterance:
        """Drop the assistant's echo from the utterance: the user's speech begins about here."""
        utterance.cancel()
        position = self._endpoint.position - samples(AFTER_ECHO_S)
        self._endpoint.begin_at(position)
        utterance.barge_in.began = self._time(position, self._heard_at)
        await self._out.send(Onset(position, utterance.barge_in.began))
        return self._transcribe(utterance.barge_in)

    async def _conclude_in_time(self, utterance: Utterance) -> None:
        """A paused reply is never kept waiting longer, whatever microphone and recogniser do."""
        tuning, barge_in, paused = self._session.tuning, utterance.barge_in, anyio.current_time()
        await anyio.sleep(tuning.decide - tuning.interrupt)
        while barge_in.asking:
            waited = anyio.current_time() - paused
            if finding := barge_in.conclude(utterance.text, self._heard_at, waited, sure=utterance.sure):
                await self._tell(utterance, finding)
            await anyio.sleep(BLOCK_S)

    # --- the recogniser ----------------------------------------------------------------------

    def _keep_recent(self, pcm: Pcm) -> None:
        """Keep the last moments of audio: the detector notices an onset late."""
        self._recent.append(pcm)
        self._recent_samples += pcm.samples
        kept = AFTER_ECHO_S if self._utterance else self._session.tuning.pre_roll
        while self._recent_samples - self._recent[0].samples > samples(kept):
            self._recent_samples -= self._recent.popleft().samples

    def _forget_recent(self) -> None:
        self._recent.clear()
        self._recent_samples = 0

    def _transcribe(self, barge_in: BargeIn) -> Utterance:
        """Have an utterance recognised, from a little before now on."""
        first = self._endpoint.position - self._recent_samples
        utterance = self._utterance = Utterance(barge_in, first)
        for pcm in self._recent:
            utterance.add(pcm)
        self._forget_recent()
        self._tasks.start_soon(self._recognise, utterance)
        self._tasks.start_soon(self._end_without_audio, utterance)
        return utterance

    async def _end_without_audio(self, utterance: Utterance) -> None:
        """End the utterance of a microphone that sends nothing any more (a closed lid)."""
        while self._utterance is utterance:
            await anyio.sleep(NO_AUDIO_TIMEOUT_S)
            if self._utterance is utterance and anyio.current_time() - self._heard_at >= NO_AUDIO_TIMEOUT_S:
                self._endpoint.reset(examined=False)
                await self._report(SpeechEnd(self._endpoint.position), self._heard_at)

    async def _ask(self, utterance: Utterance, last_voiced: int) -> None:
        """Ask the judge whether the speaker has finished; without an answer the words decide alone."""
        try:
            if judge := self._session.engines.turn:
                utterance.judged(last_voiced, await judge.finished(utterance.recent))
                self._plan()
        except Exception:  # noqa: S110 - it is busy, still loading or broken, which its chain has noted
            pass
        finally:
            self._asking = False

    def _drop_utterance(self) -> None:
        if self._utterance:
            self._utterance.cancel()
            self._utterance = None
            self._forget_recent()

    async def _recognise(self, utterance: Utterance) -> None:
        with utterance.scope, utterance.feed, utterance.audio:
            try:
                final = await self._transcript(utterance)
            except Exception as error:  # whatever broke, only this utterance is lost
                if self._utterance is utterance:
                    self._utterance = None
                    self._endpoint.reset(examined=False)
                await self._out.send(Unheard(error))
            else:
                await self._conclude(utterance, final)

    async def _conclude(self, utterance: Utterance, final: Transcript) -> None:
        """Report what a finished utterance says."""
        text, barge_in = final.text.strip(), utterance.barge_in
        if barge_in.is_aside(text):
            await self._out.send(Aside(text))
            return
        ended = utterance.ended or anyio.current_time()
        self._last_language = final.language
        if final.language and ended - barge_in.began >= MIN_LANGUAGE_S:
            self._session.language = final.language
        await self._out.send(Final(text, ended, barge_in.began, final.language, utterance.engine))

    async def _transcript(self, utterance: Utterance) -> Transcript:
        stt = noting(self._session.engines.stt, utterance.heard_by)
        expected = self._session.language or (self._last_language if self._floor.taken else "")
        async with closing(stt.transcribe(utterance.audio, expected)) as transcripts:
            async for transcript in transcripts:
                if transcript.final:
                    return transcript
                if transcript.text:
                    new = (transcript.text, transcript.sure) != (utterance.text, utterance.sure)
                    utterance.understood(transcript)
                    self._plan()
                    if new:
                        await self._out.send(Partial(transcript.text))
                    if self._endpoint.paused:
                        await self._settle(utterance)
                    if new:
                        await self._judge(utterance)
        raise EngineError("The speech recogniser gave no result.", retryable=True)
