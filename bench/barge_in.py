"""Who may interrupt a speaking assistant: every disturbance of `disturbances.py`, judged by the real ears.

The front end, the detector, the judgement of overlaps and Whisper are the real ones; the answer is scripted,
and spoken by Piper. Time is virtual: only what Whisper takes is measured and passes on that clock too, so a
busy machine changes little.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import trio
import trio.testing
from tests.clips import mix, noise
from tests.talk.stage import FRAME, Client, Script

from nexus_voice.core import events
from nexus_voice.core.audio import RATE, Pcm, Voice
from nexus_voice.core.events import ServerEvent
from nexus_voice.engines.fake.engines import FakeLlm, tokens
from nexus_voice.engines.piper.tts import PiperTts
from nexus_voice.engines.silero.vad import SileroVad
from nexus_voice.engines.whisper.model import WhisperDecoder
from nexus_voice.engines.whisper.stt import WhisperStt
from nexus_voice.talk.listening.front_end import MicrophoneFrontEnds
from nexus_voice.talk.listening.overlap import OverlapDetectors
from nexus_voice.talk.session import Engines, Session

from . import figures
from .disturbances import Disturbance, disturbances

ANSWER = "Refunds are available within thirty days of purchase, as long as the item is unused and in its box."
ASKED_S, DISTURBED_S, HEARD_S = 0.1, 1.9, 8.5
"""When the question is typed, when the disturbance begins, and how long the scene lasts."""
BACKGROUND_DBFS = -62.0


class Whisper(WhisperStt):
    """`WhisperStt` whose model runs in this process, so that its time can pass on the virtual clock.

    `seconds`: how long a decode takes; 0: as long as it does here.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(path, threads=1)
        self._decoder = WhisperDecoder(str(path), "cpu", "auto", "", 1, 1, 1)
        self._fixed = seconds
        self._seconds = seconds or self._decoder.measured()
        self.took: list[float] = []

    async def _call(self, method: str, *items: Any) -> Any:
        began = time.perf_counter()
        result = self._decoder.decode(*items[0])
        self.took.append(time.perf_counter() - began)
        await anyio.sleep(self._fixed or self.took[-1])
        return result


class Spoken:
    """A voice that has its sentences ready."""

    name = "piper"

    def __init__(self, sentences: dict[str, list[Pcm]]) -> None:
        self._sentences = sentences

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm]:
        for piece in self._sentences[sentence]:
            await anyio.lowlevel.checkpoint()
            yield piece


class Room(Client):
    """The microphone hears the disturbance and, when there is an echo, the loudspeaker."""

    def __init__(self, disturbance: Disturbance, pauses: bool) -> None:
        says = [(ASKED_S, events.Text(text="How long do refunds take?"))]
        super().__init__(Script(until=HEARD_S, says=says), playback=True)
        parts = [noise(HEARD_S, BACKGROUND_DBFS, 0.7)]
        if disturbance.sound:
            parts.append(disturbance.sound)
        self._near = np.frombuffer(mix(*parts, at=(0, DISTURBED_S)[: len(parts)]).data, "<i2").astype(float)
        self._gain = 0.0 if disturbance.echo is None else 10 ** (disturbance.echo / 20)
        self._delay = disturbance.delay
        self._far = np.zeros(len(self._near) + 60 * RATE)
        self._played_until = 0

    async def send(self, message: ServerEvent | Pcm) -> None:
        await super().send(message)
        due = round((self.now + self._delay) * RATE)
        if isinstance(message, Pcm):
            begin = max(self._played_until, due)
            x = np.frombuffer(message.data, "<i2")
            at = np.arange(round(len(x) * RATE / message.rate)) * message.rate / RATE
            self._played_until = begin + len(at)
            self._far[begin : self._played_until] = np.interp(at, np.arange(len(x)), x)
        elif isinstance(message, events.Flush | events.Pause):
            self._far[due:] = 0
            self._played_until = 0

    async def _speak(self) -> None:
        size = round(FRAME * RATE)
        for frame in range(len(self._near) // size):
            await anyio.sleep_until(self.start + (frame + 1) * FRAME)
            here = slice(frame * size, (frame + 1) * size)
            heard = self._near[here] + self._gain * self._far[here]
            await self.push(np.clip(np.rint(heard), -32768, 32767).astype("<i2").tobytes())
        self._feed.close()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one disturbance. Times are seconds from its beginning."""

    name: str
    meant: bool
    stopped: bool
    """The answer was cut off."""
    answered: str
    """What was taken for a question."""
    heard: str
    """What was understood, answered or not."""
    pauses: int
    lowered: float | None
    silent: float | None
    decided: float | None
    """Until the answer was cut off or went on for the last time."""

    @property
    def wrong(self) -> str:
        if not self.meant:
            return "false stop" if self.stopped else "answered" if self.answered else ""
        return "" if self.answered else "missed"


def watch(disturbance: Disturbance, parts: Session) -> Verdict:
    """Play one scene."""

    async def scene() -> Room:
        room = Room(disturbance, parts.client_pauses)
        await room.play(parts)
        return room

    room = trio.run(scene, clock=trio.testing.MockClock(autojump_threshold=0))
    ended = next((when for when, _ in room.all(events.Ended)), HEARD_S)

    def first(*kinds: type[Any]) -> float | None:
        found = [when for kind in kinds for when, _ in room.all(kind) if DISTURBED_S <= when <= ended]
        return round(min(found) - DISTURBED_S, 3) if found else None

    flushed = first(events.Flush)
    went_on = [
        when for kind in (events.Resume, events.Unduck) for when, _ in room.all(kind) if when >= DISTURBED_S
    ]
    finals = [event for _, event in room.all(events.Final)]
    return Verdict(
        name=disturbance.name,
        meant=disturbance.meant,
        stopped=flushed is not None,
        answered=" / ".join(final.text for final in finals[1:] if final.turn),
        heard=" / ".join(final.text for final in finals[1:]),
        pauses=len(room.all(events.Pause)),
        lowered=first(events.Duck),
        silent=first(events.Pause, events.Flush),
        decided=flushed if flushed is not None else round(went_on[-1] - DISTURBED_S, 3) if went_on else None,
    )


async def prepared(voice: Path, people: Path | None) -> tuple[list[Disturbance], Spoken]:
    """All disturbances, and the answer's sound."""
    from nexus_voice.text.sentences.splitter import Sentences
    from nexus_voice.text.spoken.speakable import speakable

    splitter = Sentences()
    pieces = [piece for token in tokens(ANSWER) for piece in splitter.feed(token)] + splitter.close()
    async with PiperTts(voice) as tts:
        said: dict[str, list[Pcm]] = {}
        for piece in pieces:
            async with aclosing(tts.speak(speakable(piece), Voice())) as audio:
                said[speakable(piece)] = [pcm async for pcm in audio]
        return await disturbances(tts, people), Spoken(said)


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    meant = [verdict for verdict in verdicts if verdict.meant]
    others = [verdict for verdict in verdicts if not verdict.meant]

    def times(found: Sequence[float | None]) -> dict[str, float]:
        return figures.spread([seconds for seconds in found if seconds is not None])

    return {
        "interruptions": len(meant),
        "missed": sum(verdict.wrong == "missed" for verdict in meant),
        "others": len(others),
        "false_stops": sum(verdict.stopped for verdict in others),
        "answered": sum(bool(verdict.answered) for verdict in others),
        "paused": sum(verdict.pauses > 0 for verdict in others),
        "lowered_ms": times([verdict.lowered for verdict in meant]),
        "silent_ms": times([verdict.silent for verdict in meant]),
        "taken_ms": times([verdict.decided for verdict in meant]),
        "resumed_ms": times([verdict.decided for verdict in others if verdict.pauses]),
    }


def barge_in(whisper: Path, voice: Path, people: Path | None, decode_s: float = 0.0) -> None:
    """Measure every scene, print its verdict, and save all of them with their figures.

    `whisper` and `voice` are folders of models; `people`: recordings of people to interrupt with, if any.
    `decode_s`: how long a decode of Whisper takes; 0: as long as it does here.
    """
    scenes, spoken = anyio.run(prepared, voice, people)
    stt = Whisper(whisper, decode_s)
    verdicts = []
    for scene in scenes:
        engines = Engines(
            SileroVad(), stt, FakeLlm(ANSWER), spoken, MicrophoneFrontEnds(), OverlapDetectors()
        )
        verdicts.append(watch(scene, Session("bench", engines, language="en", client_pauses=True)))
        print(line(verdicts[-1]), flush=True)
    run = summary(verdicts) | {"decode_ms": figures.spread(stt.took)}
    figures.save(f"barge-in-{whisper.name}", [run | {"verdicts": [asdict(verdict) for verdict in verdicts]}])
    print("", *(f"{name}: {value}" for name, value in run.items()), sep="\n")


def line(verdict: Verdict) -> str:
    def ms(seconds: float | None) -> str:
        return "   -" if seconds is None else f"{1e3 * seconds:4.0f}"

    return (
        f"{verdict.wrong or 'right':10} {ms(verdict.lowered)} {ms(verdict.silent)} {ms(verdict.decided)}  "
        f"{verdict.name}: {verdict.heard!r}"
    )
