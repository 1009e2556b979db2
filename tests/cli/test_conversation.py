"""The client against a scripted server: what a real one does seldom."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from websockets.asyncio.server import ServerConnection, serve

from nexus_voice.cli.conversation import Answer, Question, Unanswered, ask
from nexus_voice.cli.nearby import Address
from nexus_voice.core.audio import Pcm
from nexus_voice.core.errors import BadInput

Script = Callable[[ServerConnection], Awaitable[None]]
READY = {"type": "ready", "session_id": "s", "token": "t", "resumed": False, "engines": {"llm": "scripted"}}
SPOKEN = Question(audio=Pcm(b"\x10\x20" * 1_600, 16_000), speak=True)


async def say(socket: ServerConnection, *events: dict[str, Any] | bytes) -> None:
    for event in events:
        await socket.send(event if isinstance(event, bytes) else json.dumps(event))


async def hear(socket: ServerConnection, type: str) -> dict[str, Any]:
    """The next message of this type; the microphone's frames and others are passed over."""
    async for message in socket:
        if isinstance(message, str) and (event := json.loads(message))["type"] == type:
            return event
    raise AssertionError(f"no {type} came")


@asynccontextmanager
async def scripted(script: Script) -> Any:
    async with serve(script, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield Address.of(f"ws://127.0.0.1:{port}/ws/voice")


def conclude(script: Script, question: Question, within: float = 20.0, **times: float) -> tuple[Answer, Pcm]:
    async def main() -> tuple[Answer, Pcm]:
        async with scripted(script) as server:
            return await ask(server, question, lambda event, answer: None, within, **times)

    return anyio.run(main)


def test_a_failed_turn_is_told() -> None:
    async def script(socket: ServerConnection) -> None:
        assert (await hear(socket, "hello"))["speak"] is False
        await say(socket, READY)
        assert (await hear(socket, "text"))["text"] == "hello"
        await say(
            socket,
            {"type": "final", "text": "hello", "turn": 1},
            {"type": "error", "code": "llm_down", "message": "The model is down.", "turn": 1},
            {"type": "ended", "turn": 1, "outcome": "failed", "heard": ""},
        )

    answer, _ = conclude(script, Question("hello"))
    assert (answer.outcome, answer.error) == ("failed", "The model is down.")
    assert answer.engines == {"llm": "scripted"}


def test_a_refusal_is_told() -> None:
    async def script(socket: ServerConnection) -> None:
        await say(socket, {"type": "error", "code": "busy", "message": "All lines are busy.", "turn": 0})
        await socket.close(1013, "All lines are busy.")

    with pytest.raises(Unanswered, match="All lines are busy"):
        conclude(script, Question("hello"))


def test_a_server_that_hangs_up_is_told() -> None:
    async def script(socket: ServerConnection) -> None:
        await hear(socket, "hello")
        await socket.close(4008, "You take messages too slowly.")

    with pytest.raises(Unanswered, match="too slowly"):
        conclude(script, SPOKEN)


def test_a_server_that_says_nothing_is_left() -> None:
    async def script(socket: ServerConnection) -> None:
        await hear(socket, "never")

    with pytest.raises(Unanswered, match="No complete answer within"):
        conclude(script, Question("hello"), within=0.3)


def test_a_recording_without_words_is_told() -> None:
    async def script(socket: ServerConnection) -> None:
        await say(socket, READY, {"type": "onset"}, {"type": "final", "text": "", "turn": 0})
        await hear(socket, "never")

    with pytest.raises(BadInput, match="Nothing was understood"):
        conclude(script, SPOKEN, recognition_timeout=0.2)


def test_an_interrupted_turn_keeps_what_was_played_and_the_next_one_counts() -> None:
    """The recording pauses: its first half gets an answer, which the second half interrupts."""
    reports: list[dict[str, Any]] = []

    async def script(socket: ServerConnection) -> None:
        await say(
            socket,
            READY,
            {"type": "final", "text": "first", "turn": 1},
            {"type": "delta", "turn": 1, "text": "One."},
            {"type": "audio_start", "turn": 1, "rate": 8_000},
            bytes(16_000),
            {"type": "flush", "turn": 1},
            b"\x01\x01" * 800,  # too late: the turn is flushed
            {"type": "ended", "turn": 1, "outcome": "interrupted", "heard": ""},
        )
        reports.append(await hear(socket, "playback"))
        await say(
            socket,
            {"type": "final", "text": "second", "turn": 2},
            {"type": "sources", "turn": 2, "sources": []},
            {"type": "delta", "turn": 2, "text": "Two."},
            {"type": "audio_start", "turn": 2, "rate": 8_000},
            b"\x05\x05" * 800,
            {"type": "ended", "turn": 2, "outcome": "done", "heard": "Two."},
        )
        while reports[-1]["turn"] != 2:
            reports.append(await hear(socket, "playback"))

    answer, sound = conclude(script, SPOKEN, settle=0.3)
    assert (answer.question, answer.answer, answer.outcome) == ("second", "Two.", "done")
    assert sound == Pcm(b"\x05\x05" * 800, 8_000)
    assert reports[0]["turn"] == 1
    assert reports[0]["played_ms"] < 1_000
    assert reports[-1]["played_ms"] <= 100
