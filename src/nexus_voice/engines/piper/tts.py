"""Text to speech by Piper: neural voices in more than thirty languages that run well on a plain CPU.

The library is under the GPL and a sentence keeps a core busy, so it runs in worker processes (`worker.py`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from ...core.audio import Pcm, Voice
from ...core.errors import BadInput, EngineError
from ...workers.in_workers import InWorkers
from ...workers.pool import Workers
from ...workers.process import given
from ..voice_orders import MAX_WAITING_CHUNKS, sound, speaking_order


class PiperTts(InWorkers):
    """Implements `ports.Tts`; enter it before use. It gives no marks, since Piper does not say where a word
    begins.

    `path` is the default voice: its .onnx file (with its .onnx.json beside it) or the folder of it.
    `voices` are further ones by name, such as "de_DE-thorsten-medium". A `Voice` without a name gets
    the first voice of its language, or the default one. `workers` processes keep a
    few voices each (60-120 MB a voice); `queue` sentences may wait for one: past that, `Busy`.
    """

    def __init__(
        self,
        path: Path,
        *,
        workers: int = 1,
        voices: Mapping[str, Path] | None = None,
        queue: int = 64,
    ) -> None:
        default = voice_file(path)
        files = {default.stem: default, **{name: voice_file(file) for name, file in (voices or {}).items()}}
        self._default, self._names = default.stem, tuple(files)
        self.name = f"piper:{self._default}"
        kwargs = {"voices": {name: str(file.absolute()) for name, file in files.items()}}
        worker = "nexus_voice.engines.piper.worker:Piper"
        super().__init__(Workers(worker, workers, kwargs, name=self.name, queue=queue))

    async def ready(self) -> None:
        """Wait until every process has the default voice loaded.

        Raises `EngineError` with code `model_broken` or `engine_not_installed`.
        """
        await self._workers.setup(self._default)

    def speaks(self, language: str) -> bool:
        """Whether a voice of the language is installed."""
        return not language or bool(self._native(language))

    async def voices(self) -> list[str]:
        """Names for `Voice.name`, the default one first."""
        return list(self._names)

    async def speak(self, sentence: str, voice: Voice) -> AsyncGenerator[Pcm]:
        """Audio at the voice's own rate (16 or 22.05 kHz) in pieces of at most 60 ms.

        A changed pitch also changes the timbre, as on a tape that is played faster, but not the length.
        Raises `BadInput` for a voice that does not exist and for more than 2,000 characters.
        """
        order = speaking_order(sentence, voice, voice=self._chosen(voice))
        if order is None:
            return
        rate = 0
        spoken = self._workers.call("speak", given(order), buffer=MAX_WAITING_CHUNKS, parse=rate_or_sound)
        async with aclosing(spoken) as pieces:
            async for piece in pieces:
                if isinstance(piece, bytes):
                    yield Pcm(piece, rate)
                else:
                    rate = piece

    def _chosen(self, voice: Voice) -> str:
        if voice.name:
            if voice.name in self._names:
                return voice.name
            raise BadInput(
                f"Piper has no voice {voice.name!r} here. Installed: {', '.join(self._names)}. "
                "`nexus-voice models list` shows more.",
                code="unknown_voice",
            )
        return self._native(voice.language) or self._default

    def _native(self, language: str) -> str:
        """The first voice of the language; empty when there is none."""
        language = language.replace("-", "_").lower()
        for wanted in (language, language.partition("_")[0]):  # "pt_br", else any "pt"
            for name in self._names:
                if wanted and f"{name.replace('-', '_').lower()}_".startswith(f"{wanted}_"):
                    return name
        return ""


def rate_or_sound(piece: Any) -> int | bytes:
    return piece if isinstance(piece, int) and piece > 0 else sound(piece)


def voice_file(path: Path) -> Path:
    """The .onnx file at `path` or in that folder. Raises `EngineError` when there is none."""
    file = min(path.glob("*.onnx"), default=path) if path.is_dir() else path
    if not file.is_file():
        raise EngineError(
            f"There is no Piper voice at {path}: pull one with `nexus-voice models pull`.",
            code="model_missing",
        )
    return file
