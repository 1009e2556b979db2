"""`nexus-voice ask` against a running server, and against one of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import psutil
import pytest

from nexus_voice.audio.files import read_audio, wav_bytes
from nexus_voice.cli.collections import id_of
from nexus_voice.cli.nearby import Address, NoServer
from nexus_voice.core.audio import Pcm
from nexus_voice.core.errors import BadInput

from .conftest import Run, Server, Shell

ANSWER = "You may speak while I speak."


@pytest.fixture(scope="module")
def recording(shell: Shell) -> Path:
    """Half a second of something loud, at a rate that is not the server's."""
    tone = (8000 * np.sin(np.arange(11_025) * 0.1)).astype("<i2")
    path = shell.folder / "question.wav"
    path.write_bytes(wav_bytes(Pcm(tone.tobytes(), 22_050)))
    return path


def test_a_typed_question_is_answered_in_lines(server: Server, run: Run) -> None:
    done = run("ask", "What is barge-in?", "--url", server.url)
    assert done.returncode == 0, done.stderr
    assert f"You: What is barge-in?\nNexus: {ANSWER}\n" in done.stdout
    assert "Clock: first word of the answer:" in done.stdout


def test_only_the_named_collections_are_looked_in(server: Server, run: Run) -> None:
    def sources(*names: str) -> list[str]:
        options = [word for name in names for word in ("--collection", name)]
        done = run("ask", "How long does the tea steep?", "--url", server.url, "--json", *options)
        assert done.returncode == 0, done.stderr
        return [source["title"] for source in json.loads(done.stdout)["sources"]]

    assert sources("Documents") == []
    assert sources() == sources("seed") == sources("Documents", " seed ") == sources("default", "seed")
    assert sources("seed")


def test_a_collection_that_is_not_there_is_told(server: Server, run: Run) -> None:
    done = run("ask", "hello", "--url", server.url, "--collection", "Documents", "--collection", "Shop")
    assert done.returncode == 1
    assert done.stderr == ("nexus-voice: There is no collection “Shop”. There are: “Documents”, “seed”.\n")


def test_two_collections_of_one_name_are_told_apart_by_their_ids() -> None:
    known = [{"id": id, "name": name} for id, name in (("a", "House"), ("b", "House"), ("House", "c"))]
    assert id_of("House", known) == "House"
    assert (id_of("b", known), id_of("shop", known)) == ("b", None)
    with pytest.raises(BadInput, match=r"2 collections are named “House”\. Give the id of one of them: a, b"):
        id_of("House", known[:2])


def test_a_spoken_question_is_answered_aloud(server: Server, shell: Shell, run: Run, recording: Path) -> None:
    save = shell.folder / "answer.wav"
    words = ["ask", "--audio", str(recording), "--save", str(save), "--json"]
    done = run(*words, "--url", server.url.replace("http", "ws") + "/ws/voice")
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["question"] == "what is barge-in"
    assert body["answer"] == ANSWER
    assert body["outcome"] == "done"
    assert body["saved"] == str(save)
    assert {"stt", "first_audio_sent", "first_audio_played"} <= body["clocks"].keys()
    assert body["engines"]["stt"] == "fake"
    sound = read_audio(save.read_bytes())
    assert sound.rate == 24_000
    assert sound.seconds == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.frombuffer(sound.data, "<i2")).max() > 1000


def test_silence_gets_no_answer(server: Server, shell: Shell, run: Run) -> None:
    path = shell.folder / "silence.wav"
    path.write_bytes(wav_bytes(Pcm(bytes(3_200), 16_000)))
    done = run("ask", "--audio", str(path), "--url", server.url, "--timeout", "1")
    assert done.returncode == 1
    assert "nexus-voice: No complete answer within 1 s" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--audio", "nowhere.wav"], "nowhere.wav: No such file"),
        (["--audio", "seed/tea.md"], "seed/tea.md: The audio cannot be read"),
        (["hello", "--save", "nowhere/answer.wav"], "its folder must exist"),
        (["hello", "--url", "http://127.0.0.1:9"], "No Nexus Voice answers at http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, words: list[str], said: str) -> None:
    done = run("ask", *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_server_it_starts_one_and_stops_it(shell: Shell, run: Run) -> None:
    done = run("ask", "hello", "--json", NEXUS_SERVER__PORT="0")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answer"] == ANSWER
    folder = str(shell.folder / "data")
    left = [one for one in psutil.process_iter(["environ"]) if folder in str(one.info["environ"])]
    assert [one for one in left if "--child" in one.cmdline()] == []


def test_addresses_are_understood() -> None:
    usual = Address("http://h:1", "ws://h:1/ws/voice")
    assert Address.of("h:1") == Address.of("http://h:1/") == Address.of("ws://h:1/ws/voice") == usual
    assert Address.of("https://h/nexus").socket == "wss://h/nexus/ws/voice"
    with pytest.raises(NoServer):
        Address.of("ftp://h")
