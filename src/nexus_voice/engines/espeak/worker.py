"""espeak-ng through ctypes, in the worker process of `tts.py`."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from itertools import count
from math import log2
from pathlib import Path
from typing import Any

import espeakng_loader

from ...core.errors import BadInput, EngineError
from ...workers.worker import Emit
from .tts import RATE

# speak_lib.h
AUDIO_OUTPUT_SYNCHRONOUS = 2
CHARS_UTF8, ENDPAUSE = 1, 0x1000  # neither SSML (0x10) nor PHONEMES (0x100): text is only text
PARAMETER_RATE, PARAMETER_PITCH = 1, 3
EVENT_END, EVENT_WORD = 0, 1
CHUNK_MS = 60
"""Length of one piece of audio."""
WORDS_PER_MINUTE = 170
MIN_WORDS_PER_MINUTE, MAX_WORDS_PER_MINUTE = 80, 450
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Control characters are not spoken: Ctrl-A begins an embedded command, and NUL ends the text."""


class Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # of the word's first character, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class VoiceEntry(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # pairs of a priority byte and a string, then a zero byte
        ("identifier", ctypes.c_char_p),
    )


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))


ESPEAK_LANGUAGES = {"zh": "cmn", "no": "nb"}
"""ISO 639-1 code -> espeak-ng's."""


class Espeak:
    def __init__(self) -> None:
        data = espeakng_loader.get_data_path()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        rate = self._library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, CHUNK_MS, str(data).encode(), 0)
        if rate != RATE:
            raise EngineError("espeak-ng's voice data is missing or damaged; reinstall espeakng-loader")
        self._voices = self._list_voices()
        self._variants = {path.name for path in Path(data, "voices", "!v").iterdir()}
        self._sink: Callable[[int, int, Any], bool] = lambda *_: False
        self._callback = Callback(lambda *piece: int(self._sink(*piece)))  # kept, or it would be collected
        self._library.espeak_SetSynthCallback(self._callback)

    def voices(self, items: Iterator[Any], emit: Emit) -> None:
        for name in sorted(self._voices):
            emit(name)
        for name in sorted(self._variants):
            emit(f"+{name}")

    def speak(self, items: Iterator[Any], emit: Emit) -> None:
        """`{text, voice, usual, language, rate, pitch}` -> PCM16 bytes and (seconds, characters) marks."""
        order = next(items)
        text = CONTROLS.sub(" ", order["text"])  # one for one: positions stay right
        voice = order["voice"] or self._native(order["language"], order["usual"])
        self._choose(voice, order["rate"], order["pitch"])
        samples = 0
        stopped: BaseException | None = None

        def sink(data: int, count: int, events: Any) -> bool:
            nonlocal samples, stopped
            try:
                for at, position in words(events):
                    before = text[: position - 1]
                    if before[-1:].isspace():  # "25" is two words for espeak-ng, one in the text
                        emit((at / RATE, len(before.rstrip())))
                if data and count:
                    samples += count
                    emit(ctypes.string_at(data, 2 * count))
            except BaseException as error:  # it must not be raised through C
                stopped = error
            return stopped is not None

        self._sink = sink
        encoded = text.encode("utf-8", "replace") + b"\0"
        flags = CHARS_UTF8 | ENDPAUSE
        if self._library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 0, 0, flags, None, None):
            raise EngineError("espeak-ng could not speak this text")
        self._library.espeak_Synchronize()
        if stopped:
            raise stopped
        if samples:
            emit((samples / RATE, len(text)))

    def phonemes(self, text: str, voice: str = "en-us") -> list[str]:
        """espeak-ng's own names of the phonemes in `text`, stress marks included."""
        self._choose(voice, 1.0, 1.0)
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        rest = ctypes.c_char_p(CONTROLS.sub(" ", text).encode("utf-8", "replace"))
        spoken = b""
        while rest.value is not None:  # one clause at a time
            separated = ord("_") << 8
            spoken += b" " + self._library.espeak_TextToPhonemes(ctypes.byref(rest), CHARS_UTF8, separated)
        return spoken.decode().replace(" ", "_").strip("_").split("_")

    def _choose(self, voice: str, rate: float, pitch: float) -> None:
        language, plus, variant = voice.partition("+")
        file = self._voices.get(language) if not plus or variant in self._variants else None
        if file is None or self._library.espeak_SetVoiceByName(f"{file}{plus}{variant}".encode()):
            raise BadInput(f"espeak-ng has no voice {voice!r}; try en-us, en-gb or de", code="unknown_voice")
        speed = min(MAX_WORDS_PER_MINUTE, max(MIN_WORDS_PER_MINUTE, round(WORDS_PER_MINUTE * rate)))
        self._library.espeak_SetParameter(PARAMETER_RATE, speed, 0)
        # 0..100 is half to double: pitch_adjust_tab in espeak-ng's setlengths.c is 64 * 2 ** (p / 50).
        height = min(99, max(0, round(50 + 50 * log2(min(2.0, max(0.5, pitch))))))
        self._library.espeak_SetParameter(PARAMETER_PITCH, height, 0)

    def _native(self, language: str, usual: str) -> str:
        """The usual voice, or one of the language if that is another and there is one."""
        code = ESPEAK_LANGUAGES.get(language, language)
        if usual.startswith(code) or code in self._voices:
            return usual if usual.startswith(code) else code
        return next((name for name in sorted(self._voices) if name.startswith(f"{code}-")), usual)

    def _list_voices(self) -> dict[str, str]:
        """Language code -> voice file. `espeak_SetVoiceByName` opens files, so it gets only these."""
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(VoiceEntry))
        entries = self._library.espeak_ListVoices(None)
        voices: dict[str, str] = {}
        for index in count():
            if not entries[index]:
                return voices
            entry = entries[index].contents
            identifier = entry.identifier.decode()
            if not identifier.startswith("mb/"):  # MBROLA's voices are not in the package
                language = ctypes.string_at(entry.languages + 1).decode()
                voices.setdefault(language, identifier.rpartition("/")[2])
        return voices


def words(events: Any) -> Iterator[tuple[int, int]]:
    """(sample, position of the first character, from 1) of each word that begins in this chunk."""
    index = 0
    while events[index].type != EVENT_END:
        if events[index].type == EVENT_WORD:
            yield events[index].sample, events[index].text_position
        index += 1
