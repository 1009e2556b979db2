"""The worker process of `stt.py`: a model that decodes one window per call."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from ...core.errors import NexusError
from ...workers.worker import Emit
from .model import WhisperDecoder

POLL_INTERVAL_S = 0.05
"""How often a decode looks whether it was cancelled."""


class Listener:
    """Starts even with a broken model, so that every call can say what is wrong with it."""

    def __init__(self, **options: Any) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._trouble: NexusError | None = None
        try:
            self._model = WhisperDecoder(**options)
        except NexusError as error:
            self._trouble = error

    def setup(self, items: Iterator[Any], emit: Emit) -> None:
        """Raises what is wrong with the model."""
        next(items)
        self._check()

    def speed(self, items: Iterator[Any], emit: Emit) -> None:
        """One item, the number of tries -> the least seconds that a short window took, and where it is
        computed."""
        self._check()
        emit((min(self._model.measured() for _ in range(next(items))), self._model.running))

    def decode(self, items: Iterator[Any], emit: Emit) -> None:
        """One item, the arguments of `WhisperDecoder.decode` -> any number of None, then its result.

        The library cannot be interrupted: a cancelled window goes on in its thread while this
        process is already free to take the next call, which waits for it.
        """
        self._check()
        work = self._thread.submit(self._model.decode, *next(items))
        try:
            while not wait([work], POLL_INTERVAL_S).done:
                emit(None)  # raises once the caller has gone
        finally:
            work.cancel()
        emit(work.result())

    def _check(self) -> None:
        if self._trouble:
            raise self._trouble
