"""Measures the default install as a user meets it: a spoken question to the first sound of the answer.

A Piper voice reads the questions into the WebSocket at the pace of a microphone. The installed models are
used (`make setup` gets them), the recogniser, the search, the answerer and the voice all work for real,
and server and speakers share all cores.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np

from nexus_voice.cli.configure import settings
from nexus_voice.cli.conversation import Answer, Conversation, Question, connected
from nexus_voice.cli.nearby import Address
from nexus_voice.core.audio import Pcm, Voice
from nexus_voice.engines import load
from nexus_voice.models.files import installed

from . import figures, machine
from .voice import PORT

QUESTIONS = (
    ("Which Python version do I need?", "3.11"),
    ("How do I add a language model?", "language model"),
    ("Does a cough interrupt the assistant?", "cough"),
    ("Which key do I hold down to speak?", "space bar"),
    ("How do I add my own documents?", "drop"),
    ("Is there any telemetry?", "telemetry"),
    ("Which licence does the program have?", "MIT"),
    ("Which languages does it understand?", "languages"),
    ("Which engine detects speech?", "Silero"),
    ("How do I connect Ollama?", "Ollama"),
    ("What does the doctor command check?", "doctor"),
    ("Which types of documents can it read?", "PDF"),
    ("What happens when I speak while it is answering?", "interrupt"),
    ("How do I change the port of the server?", "port"),
    ("Which database can I use instead of SQLite?", "PostgreSQL"),
    ("What does the hello message contain?", "hello"),
    ("How do I ask a question from the command line?", "ask"),
    ("What happens when a provider fails?", "next"),
    ("How do I install a better voice?", "voice"),
    ("How large may a document be?", "MB"),
)
"""(question, a word that the cited passages or the answer must have), all answered in docs/."""
CYCLE_S = 12.0
"""Each speaker asks a question so often: saying it, waiting, and listening to some of the answer."""
LISTENING_S = 2.0
"""How long a speaker listens to the answer before leaving."""
ANSWER_TIMEOUT_S = 15.0
SILENT_DB = -40
"""Samples so far below the loudest are no voice any more."""


@dataclass(frozen=True, slots=True)
class Asked:
    question: str
    heard: str
    final: float
    """Seconds from the last voiced sample to the final transcript; infinite when there was none."""
    wait: float
    """The same to the first sound of the answer."""
    right: bool
    answer: str


async def recordings() -> list[Pcm]:
    """The questions, spoken, each ending with its last voiced sample."""
    voice = next(one for one in installed(settings().data_dir / "models") if one.model.kind == "piper")
    spoken = []
    async with load("tts", "piper")(voice.path) as tts:
        for question, _ in QUESTIONS:
            pieces = [piece async for piece in tts.speak(question, Voice()) if isinstance(piece, Pcm)]
            sound = np.frombuffer(b"".join(piece.data for piece in pieces), np.int16)
            loud = np.abs(sound.astype(np.int32))
            last = np.flatnonzero(loud > loud.max() * 10 ** (SILENT_DB / 20))[-1]
            spoken.append(Pcm(sound[: last + 1].tobytes(), pieces[0].rate))
    return spoken


async def ask(server: Address, spoken: Pcm, question: str, wanted: str) -> Asked:
    """Ask one question in a conversation of its own, and leave when its answer is being heard."""
    at: dict[str, float] = {}

    def watch(event: dict[str, Any], answer: Answer) -> None:
        if answer.turn:
            at[event["type"]] = at.get(event["type"], anyio.current_time())
        if "audio_start" in at:
            scope.deadline = at["audio_start"] + LISTENING_S

    async with connected(server) as socket:
        talk = Conversation(socket, Question(audio=spoken, speak=True), watch)
        with anyio.move_on_after(spoken.seconds + ANSWER_TIMEOUT_S) as scope:
            await talk.hold()
    answer = talk.answer
    said = talk.said_at or math.inf
    understood, wait = (at[name] - said if name in at else math.inf for name in ("final", "audio_start"))
    cited = " ".join([answer.answer, *(source["text"] for source in answer.sources)]).lower()
    return Asked(
        question, answer.question, understood, wait,
        wanted.lower() in cited and bool(answer.sources), answer.answer,
    )  # fmt: skip


async def speaker(
    server: Address, spoken: Sequence[Pcm], order: Sequence[int], delay: float, out: list[Asked]
) -> None:
    """One person who asks a question every `CYCLE_S`."""
    begin = anyio.current_time() + delay
    for turn, index in enumerate(order):
        await anyio.sleep_until(begin + turn * CYCLE_S)
        out.append(await ask(server, spoken[index], *QUESTIONS[index]))


async def crowd(server: Address, spoken: Sequence[Pcm], speakers: int) -> list[Asked]:
    """Everybody asks: one speaker every question, several at once fewer each, evenly out of step."""
    each = max(4, len(QUESTIONS) // speakers)
    asked: list[Asked] = []
    async with anyio.create_task_group() as tasks:
        for number in range(speakers):
            order = [(number * each + turn) % len(QUESTIONS) for turn in range(each)]
            delay = CYCLE_S * number / speakers
            tasks.start_soon(speaker, server, spoken, order, delay, asked)
    return asked


def _ready(server: machine.Running) -> None:
    """Wait until the documentation is in the knowledge base and the best engines have joined."""
    pages = len(list(Path(__file__).parents[1].joinpath("docs").glob("*.md")))
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=30) as client:
        while len(client.get("/rag/documents").json()["documents"]) < pages or any(
            engine["state"] == "loading"
            for port in client.get("/engines").json()["chains"].values()
            for engine in port
        ):
            time.sleep(0.5)
        client.post("/chat", json={"text": QUESTIONS[0][0]}).raise_for_status()


def once(speakers: int, spoken: Sequence[Pcm]) -> dict[str, Any]:
    models = settings().data_dir / "models"

    def with_models(data: Path) -> None:
        shutil.copytree(models, data / "models", copy_function=os.link)

    with machine.server(PORT, {"NEXUS_SERVER__LOG": "warning"}, core=None, prepare=with_models) as server:
        _ready(server)
        address = Address.of(f"http://127.0.0.1:{server.port}")
        cpu = machine.cpu_seconds(machine.family(server.pid))
        begun = time.monotonic()
        asked = anyio.run(crowd, address, spoken, speakers)
        took = time.monotonic() - begun
        pids = machine.family(server.pid)
        cpu = machine.cpu_seconds(pids) - cpu
        memory = machine.proportional_bytes(pids)
    waits = [one.wait for one in asked]
    return {
        "speakers": speakers,
        "turns": len(asked),
        "missed": sum(math.isinf(wait) for wait in waits),
        "wrong": sum(not one.right for one in asked),
        "first_sound_ms": figures.spread(waits),
        "final_ms": figures.spread([one.final for one in asked]),
        "cpu_s_per_session_minute": round(cpu / speakers / (took / 60), 2),
        "memory_mb": round(memory / 2**20),
        "asked": [asdict(one) for one in asked],
    }


def answer(sessions: Sequence[int], reps: int) -> None:
    spoken = anyio.run(recordings)
    for speakers in sessions:
        runs = [once(speakers, spoken) for _ in range(reps)]
        for run in runs:
            first, final = run["first_sound_ms"], run["final_ms"]
            print(
                f"answer: {speakers} at a time: first sound {first['p50']:.0f}/{first['p95']:.0f} ms "
                f"(words known {final['p50']:.0f}/{final['p95']:.0f}), {run['missed']} missed and "
                f"{run['wrong']} wrong of {run['turns']}, {run['cpu_s_per_session_minute']} CPU-s a minute, "
                f"{run['memory_mb']} MB",
                flush=True,
            )
        figures.save(f"answer-{speakers:03d}", runs)
