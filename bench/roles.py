"""Measures how late the event loop runs while models serve eight requests at a time."""

from __future__ import annotations

import io
import re
import threading
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from nexus_voice.models import files
from nexus_voice.models.model import Model

from . import contract, figures, machine
from .machine import Running
from .speaker import load_sound
from .voice import PORT

CLIENTS = 8
DURATION_S = 31.0
"""Seconds. It is longer than the thirty seconds that the server's figure covers."""
SECONDS = 3
TEXT = "Every request of a crowd is a page of text, cut where the documents' own passages are cut. " * 6
TEXTS = 16
LAG = re.compile(r'^nexus_event_loop_lag_seconds{quantile="([\d.]+)"} (\S+)$', re.MULTILINE)


def recording() -> bytes:
    """A WAV file of three seconds: the utterance, and silence after it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, contract.RATE, 0, "NONE", ""))
        out.writeframes(b"".join(load_sound().speech).ljust(2 * contract.RATE * SECONDS, b"\0"))
    return file.getvalue()


def transcription(http: httpx.Client, sound: bytes) -> None:
    http.post("/v1/audio/transcriptions", files={"file": ("a.wav", sound)}).raise_for_status()


def embedding(http: httpx.Client, texts: list[str]) -> None:
    http.post("/v1/embeddings", json={"input": texts, "encoding_format": "base64"}).raise_for_status()


def lag(server: Running) -> dict[str, float]:
    """The server's own measurement, in milliseconds."""
    text = httpx.get(f"http://127.0.0.1:{server.port}/metrics", trust_env=False, timeout=30).text
    found = {
        f"p{100 * float(share):.0f}": round(1e3 * float(seconds), 2) for share, seconds in LAG.findall(text)
    }
    if not found:
        raise SystemExit("The server does not say how late its event loop runs.")
    return found


def under_load(server: Running, request: Callable[[httpx.Client], None]) -> dict[str, Any]:
    """Let `CLIENTS` clients send requests without a pause, and read the lag while they still do."""
    times: list[float] = []
    errors: list[Exception] = []
    over = threading.Event()

    def ask() -> None:
        try:
            url = f"http://127.0.0.1:{server.port}"
            with httpx.Client(base_url=url, trust_env=False, timeout=120) as http:
                while not over.is_set():
                    begun = time.monotonic()
                    request(http)
                    times.append(time.monotonic() - begun)
        except Exception as error:
            errors.append(error)

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(DURATION_S)
    late = lag(server)
    over.set()
    for client in clients:
        client.join()
    if errors:
        raise SystemExit(f"A request failed: {errors[0]!r}")
    return {"lag_ms": late, "request_ms": figures.spread(times)}


@contextmanager
def part(role: str, prepare: Callable[[Path], None]) -> Iterator[Running]:
    """A server of one role, on all cores, because the processes of its models need them too."""
    settings = {"NEXUS_SERVER__LOG": "warning", "NEXUS_KNOWLEDGE__ENABLED": "false"}
    with machine.server(PORT, settings, "--role", role, core=None, prepare=prepare) as server:
        yield server


def once(whisper: Path | None) -> dict[str, Any]:
    sound, texts = recording(), [f"{number}. {TEXT}" for number in range(TEXTS)]
    with part("stt", lambda data: install(whisper, data) if whisper else None) as server:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=120) as http:
            loaded(http)
            transcription(http, sound)
            engine = http.get("/engines").json()["using"]["stt"]
        time.sleep(DURATION_S)
        idle = {"lag_ms": lag(server)}
        transcriptions = under_load(server, lambda http: transcription(http, sound))
    with part("rag", lambda data: None) as server:
        embeddings = under_load(server, lambda http: embedding(http, texts))
    return {"recogniser": engine, "idle": idle, "transcriptions": transcriptions, "embeddings": embeddings}


def loaded(http: httpx.Client, within: float = 120.0) -> None:
    """Return once no better engine is still being loaded."""
    until = time.monotonic() + within
    while '"loading"' in http.get("/engines").text:
        if time.monotonic() > until:
            raise SystemExit("A model takes too long to load.")
        time.sleep(0.2)


def install(whisper: Path, data: Path) -> None:
    """Install the folder of a faster-whisper model as if it had been pulled."""
    folder = data / "models" / "whisper-bench"
    folder.mkdir(parents=True)
    kept = []
    for file in sorted(whisper.iterdir()):
        (folder / file.name).symlink_to(file.resolve())
        kept.append(files.File(file.name, file.stat().st_size, "sha256:"))
    names = tuple(file.name for file in kept)
    model = Model(folder.name, "stt", "whisper", "", names, 0, "", ("*",), "")
    files.write_manifest(folder, model, "", tuple(kept))


def loop_lag(reps: int, whisper: Path | None) -> None:
    runs = [once(whisper) for _ in range(reps)]
    median = figures.median_of(runs)
    for what in ("idle", "transcriptions", "embeddings"):
        found = median[what]
        took = f", {found['request_ms']['p50']:.0f} ms a request" if "request_ms" in found else ""
        p50, p99 = found["lag_ms"]["p50"], found["lag_ms"]["p99"]
        print(f"event loop's lag, {what}: p50 {p50} ms, p99 {p99} ms{took}")
    figures.save("lag-whisper" if whisper else "lag", runs)
