"""What `nexus-voice doctor` looks at. Every engine that the settings choose is really used once."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import anyio

from ..core.audio import RATE, Pcm, Voice, silence
from ..core.chat import Passage, Prompt
from ..core.errors import EngineError, NexusError
from ..engines import load
from ..ports import ListsModels, NeedsLoading
from ..settings import Settings
from ..supply.advice import advice
from ..supply.choices import choices
from ..supply.discovery import look as look_around
from ..supply.offers import Choice
from ..supply.supply import make
from . import nearby
from .banner import address
from .configure import misspelt

SAID = "How do I add a language model?"
"""What the synthesiser says and the recogniser is given."""
PATIENCE = 60.0
"""Seconds an engine may take to load and work; the first time, a model is converted."""
ROOM = 500_000_000
"""Bytes that should be free."""
QUIET = 100
"""Peak of PCM16 under which synthesised speech counts as silence."""
PYTHONS = ((3, 11), (3, 13))
"""Versions for which every package has a wheel."""


@dataclass(frozen=True, slots=True)
class Check:
    """`note`: works, but could be better. `todo` says what to do about it."""

    what: str
    status: Literal["works", "note", "fails"]
    found: str
    todo: str = ""


class Workshop:
    """Checks one by one; the synthesiser's sound is kept for the recogniser."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sound = silence(1.0)

    async def checks(self) -> AsyncIterator[Check]:
        for look in (python, spelling, data_folder, disk, port, gpu, microphone):
            yield look(self.settings)
        yield await self._engine("vad", self.settings.vad.kind, lambda: load("vad", self.settings.vad.kind)())
        found = await look_around(self.settings)
        for name in ("tts", "stt", "embedder", "reranker", "llm", "search"):
            for rank, choice in enumerate(choices(name, self.settings, found)):
                if choice.missing:
                    yield Check(f"{NAMES[name]} ({choice.kind})", "fails", choice.missing, REPAIR[name])
                else:
                    yield await self._engine(name, choice.kind, partial(make, choice), choice, rank)
        yield await self._knowledge()
        yield await reading()
        yield extras(self.settings)

    async def _engine(
        self, port: str, kind: str, build: Callable[[], Any], choice: Choice | None = None, rank: int = 0
    ) -> Check:
        """Load the engine and use it once; of a provider only the key and the way there are checked."""
        what = f"{NAMES[port]} ({kind})" if not rank else f"  else ({kind})"
        remote = choice is not None and "base_url" in choice.arguments
        try:
            with anyio.fail_after(PATIENCE):
                async with AsyncExitStack() as stack:
                    engine = build()
                    if isinstance(engine, AbstractAsyncContextManager):
                        engine = await stack.enter_async_context(engine)
                    began = anyio.current_time()
                    if isinstance(engine, NeedsLoading):
                        await engine.ready()
                    took = (anyio.current_time() - began) * 1e3
                    if remote and not isinstance(engine, ListsModels):
                        found = f"{engine.name}: answers in {took:.0f} ms"
                    else:
                        found = await getattr(self, f"_{port}")(engine)
        except TimeoutError:
            return Check(what, "fails", f"did nothing for {PATIENCE:.0f} s", REPAIR[port])
        except Exception as error:
            return Check(what, "fails", _said(error), REPAIR[port])
        if choice is not None:
            found += f" ({choice.why})"
        better = advice([(port, kind)]) if not rank else []
        if better:
            return Check(what, "note", found, f"{better[0].message} {better[0].command}")
        return Check(what, "works", found)

    async def _vad(self, engine: Any) -> str:
        windows = await engine.open(0.5)(silence(1.0))
        if not windows or max(window.probability for window in windows) >= 0.5:
            raise EngineError("takes silence for speech")
        return f"{engine.name}: silence is silence, in {len(windows)} windows a second"

    async def _tts(self, engine: Any) -> str:
        import numpy as np

        began, first, parts, rate = anyio.current_time(), 0.0, [], RATE
        async with aclosing(engine.speak(SAID, Voice())) as pieces:
            async for piece in pieces:
                if isinstance(piece, Pcm):
                    first = first or anyio.current_time() - began
                    rate = piece.rate
                    parts.append(piece.data)
        self.sound = Pcm(b"".join(parts), rate)
        if not self.sound.data or np.abs(np.frombuffer(self.sound.data, "<i2")).max() < QUIET:
            raise EngineError("makes no sound")
        return f"{engine.name}: {self.sound.seconds:.1f} s of speech, the first after {first * 1e3:.0f} ms"

    async def _stt(self, engine: Any) -> str:
        from ..audio.resample import Resampler

        resampler = Resampler(self.sound.rate, RATE)
        data = resampler.push(self.sound.data) + resampler.finish()

        async def audio() -> AsyncIterator[Pcm]:
            for at in range(0, len(data), RATE // 5):
                yield Pcm(data[at : at + RATE // 5], RATE)

        async with aclosing(engine.transcribe(audio())) as transcripts:
            async for transcript in transcripts:
                if transcript.final:
                    return f"{engine.name}: heard “{transcript.text.strip()}”"
        raise EngineError("gave no transcript")

    async def _embedder(self, engine: Any) -> str:
        began = anyio.current_time()
        vectors = await engine.embed([SAID], "query")
        if vectors.shape != (1, engine.dimensions):
            raise EngineError(f"gave vectors of shape {vectors.shape}")
        took = (anyio.current_time() - began) * 1e3
        return f"{engine.name}: {engine.dimensions} dimensions, a question in {took:.0f} ms"

    async def _reranker(self, engine: Any) -> str:
        passages = [Passage(text, text, "") for text in ("The weather is fine.", f"{SAID} Pull one.")]
        began = anyio.current_time()
        if len(await engine.rank(SAID, passages)) != len(passages):
            raise EngineError("loses passages")
        return f"{engine.name}: two passages in {(anyio.current_time() - began) * 1e3:.0f} ms"

    async def _llm(self, engine: Any) -> str:
        name = str(engine.name)
        if not isinstance(engine, ListsModels):
            async with aclosing(engine.stream(Prompt("What is two plus two?"))) as pieces:
                text = "".join([piece async for piece in pieces if isinstance(piece, str)]).strip()
            return f"{name}: says “{text[:60]}”"
        served = await engine.models()
        return f"{name}: serves {', '.join(served[:3]) or 'no model'}"

    async def _search(self, engine: Any) -> str:
        return f"{engine.name}: answers"

    async def _knowledge(self) -> Check:
        if not self.settings.knowledge.enabled:
            return Check("Knowledge base", "note", "switched off", "NEXUS_KNOWLEDGE__ENABLED=true")
        from ..knowledge.base import KnowledgeBase

        remote = isinstance(self.settings.knowledge_at, str)
        try:
            async with KnowledgeBase(self.settings.knowledge_at, None) as base:
                documents = await base.documents(None)
        except Exception as error:
            todo = "Look at NEXUS_DATABASE_URL." if remote else f"Look at {self.settings.data_dir}."
            return Check("Knowledge base", "fails", _said(error), todo)
        if not documents:
            return Check("Knowledge base", "works", "empty until the server's first start")
        passages = sum(one.chunks for one in documents)
        place = "PostgreSQL" if remote else "SQLite"
        return Check("Knowledge base", "works", f"{len(documents)} documents, {passages} passages in {place}")


NAMES = {
    "vad": "Speech detector",
    "stt": "Speech recogniser",
    "llm": "Answers",
    "tts": "Voice",
    "embedder": "Meaning search",
    "reranker": "Reranker",
    "search": "Web search",
}
REPAIR = {
    "vad": "Run `make setup` again, or set NEXUS_VAD__KIND=energy.",
    "stt": "Check its key or model; for pocketsphinx run `make setup` again with Python 3.11 or 3.13.",
    "tts": "Check its key or model, and NEXUS_TTS__VOICE; for espeak run `make setup` again.",
    "reranker": "Pull its model again, or set NEXUS_RERANKER__KIND=off.",
    "embedder": "Run `make setup` again. Until then documents are searched by words only.",
    "llm": "Check its address, key and model (docs/engines.md), and that the server runs.",
    "search": "Check TAVILY_API_KEY or NEXUS_SEARCH__BASE_URL.",
}


def _said(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.message if isinstance(error, NexusError) else f"{type(error).__name__}: {error}"


def python(_: Settings) -> Check:
    found = f"Python {sys.version.split()[0]}, nexus-voice {version('nexus-voice')}"
    if sys.version_info[:2] in PYTHONS:
        return Check("Python", "works", found)
    return Check("Python", "note", found, "Use Python 3.11 or 3.13: the recogniser has no wheel for others.")


def spelling(_: Settings) -> Check:
    """Variables that begin with NEXUS_ and mean nothing."""
    wrong = misspelt(dict(os.environ))
    if wrong:
        return Check("Settings", "note", " ".join(wrong), "See docs/configuration.md.")
    given = sum(name.startswith("NEXUS_") for name in os.environ)
    return Check("Settings", "works", f"{given} from the environment" if given else "the defaults, or .env")


def data_folder(settings: Settings) -> Check:
    folder = existing(settings.data_dir)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        todo = "Make it writable, or choose another with NEXUS_DATA_DIR."
        return Check("Data folder", "fails", f"{settings.data_dir.absolute()}: {error.strerror}", todo)
    return Check("Data folder", "works", f"{settings.data_dir.absolute()} can be written")


def disk(settings: Settings) -> Check:
    free = shutil.disk_usage(existing(settings.data_dir)).free
    found = f"{free / 1e9:.1f} GB free"
    return Check("Disk", "works", found) if free >= ROOM else Check("Disk", "note", found, "Make room.")


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def port(settings: Settings) -> Check:
    host, number = settings.server.host, settings.server.port
    url = address(host, number)
    if number and nearby.answers(nearby.Address.of(url)):
        return Check("Server", "works", f"runs at {url}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, number), family=family):
            return Check("Server", "works", f"not running; port {number} is free")
    except OSError as error:
        todo = "Stop what uses it, or choose another with NEXUS_SERVER__PORT."
        return Check("Server", "fails", f"cannot listen on {host}, port {number}: {error.strerror}", todo)


def gpu(_: Settings) -> Check:
    """What `nvidia-smi` says."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Check("GPU", "works", "none, or no driver: everything runs on the processor")
    query = [tool, "--query-gpu=name,memory.total,memory.free,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return Check("GPU", "note", f"nvidia-smi fails: {error}", "Install or update the NVIDIA driver.")
    return Check("GPU", "works", "; ".join(done.stdout.strip().splitlines()) or "none is listed")


def microphone(settings: Settings) -> Check:
    """Browsers give the microphone to secure pages only."""
    host = settings.server.host
    if host in nearby.LOCAL:
        return Check("Microphone", "works", "browsers allow it on this machine; say yes when they ask")
    return Check(
        "Microphone",
        "note",
        f"browsers refuse it on http://{host}",
        "Put HTTPS in front, or open the page on the server itself as http://127.0.0.1.",
    )


async def reading() -> Check:
    """Read a document, and see what the process that does it is kept from."""
    from ..knowledge.reading.reader import Reader

    what = "Reading of documents"
    try:
        with anyio.fail_after(PATIENCE):
            async with Reader() as reader:
                await reader.read("check.txt", b"A document.")
                confinement = reader.confinement
    except (NexusError, TimeoutError) as error:
        return Check(what, "fails", _said(error), "Run `make setup` again.")
    if confinement is None or not confinement.complete:
        return Check(
            what,
            "note",
            f"in a process of its own; {confinement}",
            "On Linux 6.12 or newer with libseccomp, a hostile document can do nothing outside of it.",
        )
    return Check(what, "works", f"in a process of its own; {confinement}")


def extras(settings: Settings) -> Check:
    missing = sorted({name for module, name in EXTRAS.items() if not find_spec(module)})
    have = sorted(set(EXTRAS.values()) - set(missing))
    found = f"{_versions()}; extras: {', '.join(have) or 'none'}"
    return Check("Packages", "works", found, f"Optional: {', '.join(missing)}." if missing else "")


EXTRAS = {
    "boto3": "s3",
    "psycopg": "postgres",
    "webrtcvad": "webrtcvad",
    "ctranslate2": "local",
    "xllamacpp": "local",
    "piper": "piper",
    "TTS": "xtts",
}
"""Module -> the package's optional extra that brings it."""


def _versions() -> str:
    names = []
    for name in ("onnxruntime", "pocketsphinx", "faiss-cpu", "fastapi", "uvicorn"):
        try:
            names.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            names.append(f"{name} missing")
    return ", ".join(names)
