"""The voice socket over a real connection: a good client's turn, and what a bad one gets."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message
from structlog.testing import capture_logs
from uvicorn.protocols.utils import ClientDisconnected
from websockets.exceptions import ConnectionClosed, InvalidStatus

from serving import Serving, fakes, serving

from .caller import Caller

LOUD = b"\x00\x20\x00\xe0" * 160  # 20 ms at 16 kHz
QUIET = bytes(len(LOUD))


def speak(caller: Caller, frames: int = 40) -> None:
    """Speech, then silence, much faster than real time."""
    for frame in [LOUD] * frames + [QUIET] * 60:
        caller.socket.send(frame)


@pytest.mark.parametrize("path", ["/ws/voice", "/ws/chat", "/voice"])
def test_a_typed_question_gets_a_spoken_answer(server: Serving, path: str) -> None:
    with Caller(f"ws://127.0.0.1:{server.port}{path}") as caller:
        ready = caller.hello()
        assert ready["engines"]["llm"] == "fake"
        assert not ready["resumed"]
        caller.say("text", text="what will the weather be tomorrow")
        assert caller.until("final") == {
            "text": "what will the weather be tomorrow",
            "turn": 1,
            "type": "final",
        }
        sources = caller.until("sources")["sources"]
        assert sources[0]["title"] == "Weather"
        assert sources[0]["link"].startswith("/rag/documents/")
        rate = caller.until("audio_start")["rate"]
        metrics = caller.until("metrics")["clocks"]
        assert metrics["llm_first_token"] <= metrics["first_audio_sent"]
        ended = caller.until("ended")
        assert ended["outcome"] == "done"
        assert ended["heard"].startswith("The forecast for tomorrow")
        assert len(caller.audio) == pytest.approx(2 * rate * 4 * 0.05, rel=0.1)  # four sentences


def test_a_conversation_looks_in_the_chosen_collections(server: Serving) -> None:
    with Caller(server.socket) as caller:
        caller.hello(collections=["default"], speak=False)
        caller.say("text", text="what will the weather be tomorrow")
        assert caller.until("sources", "ended")["type"] == "ended"
        caller.say("settings", collections=[])
        caller.say("text", text="what will the weather be tomorrow")
        assert caller.until("sources", "ended")["type"] == "sources"


def test_a_spoken_question_gets_an_answer(server: Serving) -> None:
    with Caller(server.socket) as caller:
        caller.hello()
        speak(caller)
        caller.until("onset")
        assert "weather" in caller.until("final")["text"]
        assert caller.until("ended")["outcome"] == "done"


def test_push_to_talk(server: Serving) -> None:
    with Caller(server.socket) as caller:
        caller.hello(hands_free=False, rate=48_000)
        caller.say("talk_start")
        caller.socket.send(LOUD * 30)
        caller.say("talk_end")
        assert "weather" in caller.until("final")["text"]
        assert caller.until("ended")["outcome"] == "done"


def test_a_reconnection_goes_on_with_its_conversation(server: Serving) -> None:
    with Caller(server.socket) as caller:
        ready = caller.hello()
        caller.turn("remember the colour green")
    kept = {name: ready[name] for name in ("session_id", "token")}
    with Caller(server.socket) as caller:
        again = caller.hello(**kept)
        assert again["resumed"]
        assert again["session_id"] == ready["session_id"]
        assert caller.turn("which colour")["turn"] == 2
        prompt = server.state.engines.llm.current.prompts[-1]  # type: ignore[attr-defined]
        assert prompt.history[0].text == "remember the colour green"


@pytest.mark.parametrize("token", ["wrong", "", "ünïcode"])
def test_a_wrong_token_gets_a_fresh_session(server: Serving, token: str) -> None:
    with Caller(server.socket) as caller:
        ready = caller.hello()
        caller.turn("my secret is a green door")
    with Caller(server.socket) as caller:
        other = caller.hello(session_id=ready["session_id"], token=token)
        assert not other["resumed"]
        assert other["session_id"] != ready["session_id"]
        caller.turn("what is my secret")
        assert not server.state.engines.llm.current.prompts[-1].history  # type: ignore[attr-defined]


def test_the_newer_connection_of_a_session_takes_over(undisturbed: Serving) -> None:
    with Caller(undisturbed.socket) as first, Caller(undisturbed.socket) as second:
        ready = first.hello()
        assert second.hello(session_id=ready["session_id"], token=ready["token"])["resumed"]
        assert first.closing() == 4009
        assert second.turn("and on it goes")["outcome"] == "done"


# --- bad input --------------------------------------------------------------------------------

HELLO = json.dumps({"type": "hello"})


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "bad_json"),
        ("", "bad_json"),
        ("nonsense", "bad_json"),
        ('{"type":"hello","rate":NaN}', "bad_json"),
        ("[" * 100_000, "bad_json"),
        ("[]", "unknown_type"),
        ("null", "unknown_type"),
        ("{}", "unknown_type"),
        ('{"type":"dance"}', "unknown_type"),
        ('{"type":["text"]}', "unknown_type"),
        ('{"type":"text"}', "bad_message"),
        ('{"type":"text","text":7}', "bad_message"),
        ('{"type":"text","text":" \\n "}', "empty"),
        (json.dumps({"type": "text", "text": "x" * 8_001}), "too_long"),
        (json.dumps({"type": "text", "text": "x" * 1_000_000}), "too_long"),
        ('{"type":"playback","turn":"first","played_ms":0}', "bad_message"),
        ('{"type":"settings","mode":"psychic"}', "bad_message"),
        ('{"type":"settings","sensitivity":2}', "bad_message"),
        ('{"type":"settings","voice_rate":0.1}', "bad_message"),
        (json.dumps({"type": "settings", "voice": "x" * 101}), "bad_message"),
        ('{"type":"settings","collections":"default"}', "bad_message"),
        (json.dumps({"type": "settings", "collections": ["x" * 33]}), "bad_message"),
        (json.dumps({"type": "settings", "collections": ["x"] * 101}), "bad_message"),
        ('{"type":"hello","rate":7}', "bad_message"),
        ('{"type":"hello","rate":192000}', "bad_message"),
    ],
)
def test_a_bad_message_gets_its_code_and_the_conversation_goes_on(
    undisturbed: Serving, message: str, code: str
) -> None:
    with Caller(undisturbed.socket) as caller:
        caller.hello()
        caller.socket.send(message)
        error = caller.until("error")
        assert error["code"] == code
        assert len(error["message"]) < 300
        assert "Traceback" not in error["message"]
        assert caller.turn("go on")["outcome"] == "done"


@pytest.mark.parametrize("first", [b"\0\0", b"", '{"type":"ping"}', '{"type":"text","text":"hi"}'])
def test_whoever_does_not_say_hello_first_is_told_so(undisturbed: Serving, first: str | bytes) -> None:
    with Caller(undisturbed.socket) as caller:
        caller.socket.send(first)
        assert caller.error() == "hello_first"
        assert caller.closing() == 1008


def test_an_unusable_hello_may_be_said_again(server: Serving) -> None:
    with Caller(server.socket) as caller:
        caller.say("hello", rate=5)
        assert caller.error() == "bad_message"
        assert caller.hello(rate=8_000)["session_id"]


def test_odd_byte_counts_are_sound_all_the_same(undisturbed: Serving) -> None:
    with Caller(undisturbed.socket) as caller:
        caller.hello()
        sound = LOUD * 40 + QUIET * 60
        sizes = count(1, 2)
        while sound:
            size = next(sizes)
            caller.socket.send(sound[:size])
            sound = sound[size:]
        assert caller.until("ended")["outcome"] == "done"


def test_a_message_beyond_all_bounds_ends_the_connection(undisturbed: Serving) -> None:
    with Caller(undisturbed.socket) as caller:
        caller.hello()
        with suppress(ConnectionClosed):  # it may be closed under our hands
            caller.socket.send(b"\0" * (1 << 21))
        assert caller.closing() in (1009, 1006)


def test_ten_thousand_control_messages_are_cut_off(undisturbed: Serving) -> None:
    with Caller(undisturbed.socket) as caller:
        caller.hello()
        ping = json.dumps({"type": "ping"})
        with suppress(ConnectionClosed):
            for _ in range(10_000):
                caller.socket.send(ping)
        assert caller.closing() in (1008, 1006)


def test_audio_faster_than_life_is_cut_off(undisturbed: Serving) -> None:
    with Caller(undisturbed.socket) as caller:
        caller.hello()
        for _ in range(40):
            caller.socket.send(bytes(32_000))
        assert caller.error() == "too_fast"
        assert caller.closing() == 1008


def test_a_foreign_page_may_not_connect(undisturbed: Serving) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Caller(undisturbed.socket, origin="https://example.org")
    assert refused.value.response.status_code == 403
    own = f"http://127.0.0.1:{undisturbed.port}"
    with Caller(undisturbed.socket, origin=own) as caller:
        assert caller.hello()


def test_a_bug_of_ours_ends_one_conversation_only(undisturbed: Serving) -> None:
    class Broken:
        def open(self, rate: int) -> None:
            raise ZeroDivisionError("a secret")

    engines = undisturbed.state.engines
    kept, engines.front_ends = engines.front_ends, Broken()  # type: ignore[assignment]
    try:
        with Caller(undisturbed.socket) as caller:
            caller.hello()
            error = caller.until("error")
            assert error["code"] == "internal"
            assert "secret" not in error["message"]
            assert caller.closing() == 1011
    finally:
        engines.front_ends = kept


# --- clients that fail ------------------------------------------------------------------------

LONG = "word " * 10 + f" {'w' * 10_000}" * 2_000
"""More than fits into all the buffers between server and client."""


@pytest.fixture
def slow_server(tmp_path: Path) -> Any:
    """Answers that go on and on, and little patience."""
    limits = {"send": 0.3, "sessions": 2, "loop_lag": 60.0}
    return serving(fakes(tmp_path, fake={"answer": LONG}, limits=limits))


@pytest.mark.parametrize("way", ["vanish", "close"])
def test_a_client_that_goes_mid_reply_leaves_nothing(undisturbed: Serving, way: str) -> None:
    caller = Caller(undisturbed.socket)
    caller.hello()
    caller.say("text", text="tell me a long story")
    caller.until("delta")
    if way == "vanish":
        caller.vanish()
    else:
        caller.close()
    assert undisturbed.becomes(lambda: undisturbed.state.admission.active == 1)


@pytest.mark.parametrize("taken", range(4), ids=["nothing", "accept", "ready", "final"])
def test_a_client_that_goes_at_any_moment_is_no_error(undisturbed: Serving, taken: int) -> None:
    """It goes after it has taken so many messages; what is sent then fails, as it does over a socket."""
    sent: list[Message] = []
    says = [{"type": "websocket.connect"}]
    says += [{"type": "websocket.receive", "text": text} for text in (HELLO, '{"type":"text","text":"hi"}')]

    async def receive() -> Message:
        if says:
            return says.pop(0)
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Message) -> None:
        if len(sent) == taken:
            raise ClientDisconnected
        sent.append(message)

    async def connect() -> None:
        scope = {"type": "websocket", "path": "/ws/voice", "headers": [], "query_string": b""}
        with suppress(ClientDisconnected):
            await undisturbed.app(scope | {"subprotocols": [], "client": ("127.0.0.1", 1)}, receive, send)

    with capture_logs() as logs:
        asyncio.run_coroutine_threadsafe(connect(), undisturbed.loop).result(20)
    assert [log for log in logs if log["log_level"] in ("error", "warning")] == []


def test_a_client_that_never_reads_is_cut_off_and_others_are_not(slow_server: Any) -> None:
    with slow_server as server:
        before = server.tasks()
        deaf = Caller(server.socket, max_queue=1)
        try:
            deaf.hello(speak=False)
            deaf.say("text", text="talk to the hand")  # and nothing is read any more
            with Caller(server.socket) as other:
                other.hello(speak=False)
                assert server.becomes(lambda: server.state.admission.active == 1)
                other.say("text", text="are you there")
                assert other.until("delta")["text"] == "word"
        finally:
            deaf.vanish()
        assert server.becomes(lambda: server.state.admission.active == 0)
        assert server.settles(before)


def test_one_session_too_many_is_refused_politely(slow_server: Any) -> None:
    with slow_server as server, Caller(server.socket) as one, Caller(server.socket) as two:
        one.hello(speak=False)
        two.hello(speak=False)
        with Caller(server.socket) as third:
            assert third.error() == "busy"
            assert third.closing() == 1013
        for caller in (one, two):
            caller.say("text", text="go on")
            assert caller.until("delta")
