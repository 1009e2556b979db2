"""Any OpenAI-compatible speech recognition: OpenAI, Groq, Speaches, vLLM, another Nexus Voice.

`/audio/transcriptions` takes a whole recording, so there are no partials.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from ...audio.files import wav_bytes
from ...core.audio import Pcm, Transcript, Word
from ...core.errors import EngineError
from ..http.audio import utterance
from ..http.client import RemoteEngine
from .http import connection, likely_model

_SPEECH_MODELS = ("transcri", "whisper", "stt", "asr", "parakeet", "canary", "voxtral", "speech-to-text")
_DEFAULT_MODEL = "whisper-1"
MAX_NO_SPEECH_PROBABILITY, MIN_LOG_PROBABILITY = 0.6, -1.0
"""Whisper's own thresholds: a segment beyond both was heard in silence."""
_LANGUAGES = """
    af afrikaans ar arabic az azerbaijani be belarusian bg bulgarian bn bengali bs bosnian ca catalan cs czech
    cy welsh da danish de german el greek en english es spanish et estonian fa persian fi finnish fr french
    gl galician gu gujarati he hebrew hi hindi hr croatian hu hungarian hy armenian id indonesian
    is icelandic it italian ja japanese ka georgian kk kazakh kn kannada ko korean lt lithuanian lv latvian
    mi maori mk macedonian ml malayalam mn mongolian mr marathi ms malay mt maltese my burmese ne nepali
    nl dutch no norwegian pa punjabi pl polish pt portuguese ro romanian ru russian sk slovak sl slovenian
    sq albanian sr serbian sv swedish sw swahili ta tamil te telugu th thai tl tagalog tr turkish
    uk ukrainian ur urdu vi vietnamese yi yiddish zh chinese
"""
_LANGUAGE_CODES = dict(zip(_LANGUAGES.split()[1::2], _LANGUAGES.split()[::2], strict=True))
"""Whisper servers write a language's name, not its code."""


class OpenAiStt(RemoteEngine):
    """Implements `ports.Stt`; enter it before use.

    With an empty `model` it takes the server's first whose name sounds like a recogniser. `language`
    (ISO 639-1) helps; when it is empty, models recognise it if they can. `first_result`: seconds from the
    end of the utterance to its text.
    """

    early_words = False

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        model: str = "",
        language: str = "",
        *,
        first_result: float = 20.0,
        provider: str = "openai",
    ) -> None:
        self._http = connection("stt", base_url, api_key)
        self._model, self._language, self._within = model, language, first_result
        self._verbose = True
        self._provider = provider
        self.name = f"{provider}:{model}" if model else provider

    async def ready(self) -> None:
        """Check that the server answers and takes the key, and choose the model."""
        model = await likely_model(self._http, self._within, _SPEECH_MODELS, _DEFAULT_MODEL)
        self._model = self._model or model
        self.name = f"{self._provider}:{self._model}"

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        """One final, with word times and language where the server gives them."""
        pcm = await utterance(audio)
        if not pcm.data:
            yield Transcript("", True)
            return
        if not self._model:
            await self.ready()
        try:
            answer = await self._ask(wav_bytes(pcm))
        except EngineError as error:
            if error.code != "stt_request" or not self._verbose:
                raise
            self._verbose = False  # the newer models of OpenAI know only "json"
            answer = await self._ask(wav_bytes(pcm))
        yield self._transcript(answer)

    async def _ask(self, file: bytes) -> Any:
        fields: dict[str, Any] = {"model": self._model, "response_format": "json"}
        if self._verbose:
            fields |= {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
        if self._language:
            fields["language"] = self._language
        files = {"file": ("speech.wav", file, "audio/wav")}
        return await self._http.ask("POST", "audio/transcriptions", self._within, data=fields, files=files)

    def _transcript(self, answer: Any) -> Transcript:
        with self._http.errors.reading("no transcription"):
            segments = answer.get("segments") or []
            text = answer["text"].strip()
            if any(_hallucinated(segment) for segment in segments):
                text = "".join(segment["text"] for segment in segments if not _hallucinated(segment)).strip()
            words = tuple(
                Word(word["word"].strip(), float(word["start"]), float(word["end"]))
                for word in answer.get("words") or []
            )
            language = iso639(answer.get("language") or self._language)
        return Transcript(text, True, language, words if text else ())


def _hallucinated(segment: dict[str, Any]) -> bool:
    no_speech, log_probability = segment.get("no_speech_prob") or 0.0, segment.get("avg_logprob") or 0.0
    return bool(no_speech > MAX_NO_SPEECH_PROBABILITY and log_probability < MIN_LOG_PROBABILITY)


def iso639(language: str) -> str:
    """ISO 639-1 code of a name ("english") or tag ("en-US", "en"); empty when unknown."""
    language = language.strip().lower()
    if language in _LANGUAGE_CODES:
        return _LANGUAGE_CODES[language]
    code = language.replace("_", "-").split("-")[0]
    return code if len(code) == 2 else ""
