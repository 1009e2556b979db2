"""One simulated speaker: a microphone that never stops, at real-time pace, and a stopwatch.

Every cycle is the utterance, frame by frame, and then silence. The reply to one cycle is still playing
when the next begins, so every turn but the first is also an interruption. As cheap as possible: one
timer and one send a frame, so that two hundred speakers leave half a core free.
"""

from __future__ import annotations

import asyncio
import random
import time
import wave
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from .contract import FRAME, FRAME_BYTES, LEAD_IN, SILENCE_AFTER

HELLO = orjson.dumps({"type": "hello", "rate": 16_000, "pauses": True})
STALE_AUDIO_S = 1.2
"""Seconds into the utterance after which audio of the old reply counts as talking over the user."""
TAIL_S = 0.5
"""Seconds of silence after the last cycle, so that its reply is measured."""


@dataclass(frozen=True, slots=True)
class Sound:
    speech: tuple[bytes, ...]
    quiet: bytes
    mute: bool
    """Nobody speaks, so no answer is expected."""

    @property
    def cycle(self) -> float:
        return len(self.speech) * FRAME + SILENCE_AFTER


def load_sound(mute: bool = False) -> Sound:
    """The utterance in frames, and a frame of silence, dithered because no microphone is digitally silent."""
    with wave.open(str(Path(__file__).with_name("speech.wav"))) as file:
        pcm = file.readframes(file.getnframes())
    dither = random.Random(1)
    quiet = b"".join(
        dither.choice((-1, 0, 1)).to_bytes(2, "little", signed=True) for _ in range(FRAME_BYTES // 2)
    )
    frames = [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm), FRAME_BYTES)]
    return Sound(tuple([quiet] * len(frames) if mute else frames), quiet, mute)


@dataclass(slots=True)
class TurnTimes:
    """When things happened in one turn, on the monotonic clock, or None if they did not."""

    first: float
    """When the first frame of the utterance was sent."""
    over_reply: bool
    """Whether the previous reply was still playing then."""
    last: float | None = None
    """When its last frame was sent."""
    duck: float | None = None
    silence: float | None = None
    """When the reply was told to be silent, by `pause` or `flush`; None again if it went on."""
    reply: float | None = None
    """When the first audio of the reply came after `last`."""
    stale: float | None = None
    """When the last audio of a reply came while the user spoke."""


@dataclass(slots=True)
class Refusal:
    """How the server refused the connection."""

    code: str = ""
    close: int = 0

    @property
    def polite(self) -> bool:
        return self.code == "busy" and self.close == 1013


@dataclass(eq=False)
class Speaker(WSListener):  # type: ignore[misc]
    sound: Sound
    cycles: int
    turns: list[TurnTimes] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """How many seconds late each frame was sent."""
    refusal: Refusal = field(default_factory=Refusal)
    admitted: bool = False
    closed: bool = False

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._answered: asyncio.Future[bool] = self._loop.create_future()
        self.finished: asyncio.Future[None] = self._loop.create_future()
        self._speaking = False
        self._play_end = 0.0
        self._bytes_per_second = 48_000
        self._position = 0
        frames = len(self.sound.speech)
        self._period = frames + round(SILENCE_AFTER / FRAME)
        self._starts = round(LEAD_IN / FRAME)
        self._ends = self._starts + self.cycles * self._period + round(TAIL_S / FRAME)

    async def connect(self, port: int) -> bool:
        """Whether the server accepted the connection."""
        url = f"ws://127.0.0.1:{port}/ws/voice"
        self._transport, _ = await ws_connect(lambda: self, url, enable_auto_ping=False)
        self._transport.send(WSMsgType.TEXT, HELLO)
        self.admitted = await asyncio.wait_for(self._answered, 30)
        return self.admitted

    def start(self, at: float) -> None:
        """Start sending at the time `at`."""
        self._due = at
        self._loop.call_later(max(0.0, at - time.monotonic()), self._tick)

    def leave(self) -> None:
        if not self.closed:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    # --- up ------------------------------------------------------------------------------------

    def _tick(self) -> None:
        position = self._position
        if self.closed or position >= self._ends:
            if not self.finished.done():
                self.finished.set_result(None)
            return
        now = time.monotonic()
        self.late.append(now - self._due)
        self._transport.send(WSMsgType.BINARY, self._frame(position, now))
        self._position = position + 1
        self._due += FRAME
        self._loop.call_later(max(0.0, self._due - now), self._tick)

    def _frame(self, position: int, now: float) -> bytes:
        cycle, at = divmod(position - self._starts, self._period)
        speech = self.sound.speech
        if cycle < 0 or cycle >= self.cycles or at >= len(speech):
            return self.sound.quiet
        if self.sound.mute:
            return self.sound.quiet
        if at == 0:
            self.turns.append(TurnTimes(first=now, over_reply=now < self._play_end))
            self._speaking = True
        elif at == len(speech) - 1:
            self.turns[-1].last = now
            self._speaking = False
        return speech[at]

    # --- down ----------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed = True
        if not self._answered.done():
            self._answered.set_result(False)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        now = time.monotonic()
        kind = frame.msg_type
        if kind == WSMsgType.BINARY:
            self._audio(now, frame.payload_size)
        elif kind == WSMsgType.TEXT:
            self._event(now, frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            self.refusal.close = int(frame.get_close_code())
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def _audio(self, now: float, size: int) -> None:
        self._play_end = max(now, self._play_end) + size / self._bytes_per_second
        if not self.turns:
            return
        turn = self.turns[-1]
        if self._speaking:
            turn.stale = now
        elif turn.reply is None:
            turn.reply = now

    def _event(self, now: float, message: bytes) -> None:
        event = orjson.loads(message)
        match event["type"]:
            case "duck":
                if self._speaking and self.turns[-1].duck is None:
                    self.turns[-1].duck = now
            case "pause" | "flush":
                self._play_end = now
                if self._speaking and self.turns[-1].silence is None:
                    self.turns[-1].silence = now
            case "resume":
                if self._speaking:
                    self.turns[-1].silence = None
            case "audio_start":
                self._bytes_per_second = 2 * event["rate"]
            case "ready" if not self._answered.done():
                self._answered.set_result(True)
            case "error" if not self._answered.done():
                self.refusal.code = event["code"]
