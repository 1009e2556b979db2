"""Google Cloud Speech-to-Text, version 1 over REST. It takes whole utterances of up to a minute."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from ...core.audio import RATE, Pcm, Transcript, Word
from ...core.errors import EngineError
from ..http.audio import utterance
from ..http.client import RemoteEngine, RemoteHttp


class GoogleStt(RemoteEngine):
    """Implements `ports.Stt`; enter it before use.

    `language` is a tag with a region ("en-US"); an empty `model` is Google's choice. `first_result`:
    seconds from the end of the utterance to its text.
    """

    early_words = False

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "https://speech.googleapis.com",
        model: str = "",
        language: str = "en-US",
        first_result: float = 15.0,
    ) -> None:
        key = api_key.strip()
        headers = {"X-Goog-Api-Key": key}  # in a header, because addresses are logged
        self._http = RemoteHttp("stt", base_url, headers, setting="GOOGLE_API_KEY", secret=key)
        self._within, self._language = first_result, language
        self._config: dict[str, Any] = {
            "encoding": "LINEAR16",
            "sampleRateHertz": RATE,
            "languageCode": language,
            "enableWordTimeOffsets": True,
            "enableAutomaticPunctuation": True,
            **({"model": model} if model else {}),
        }
        self.name = f"google:{model or 'default'}"

    async def ready(self) -> None:
        """Check that Google answers and takes the key: a request without sound is refused, unpaid."""
        try:
            await self._ask(b"")
        except EngineError as error:
            if error.code != "stt_request":
                raise

    async def transcribe(self, audio: AsyncIterator[Pcm], expected: str = "") -> AsyncGenerator[Transcript]:
        """One final, with word times."""
        pcm = await utterance(audio)
        yield self._transcript(await self._ask(pcm.data) if pcm.data else {})

    async def _ask(self, data: bytes) -> Any:
        order = {"config": self._config, "audio": {"content": base64.b64encode(data).decode()}}
        return await self._http.ask("POST", "v1/speech:recognize", self._within, json=order)

    def _transcript(self, answer: Any) -> Transcript:
        with self._http.errors.reading("no transcription"):
            results = answer.get("results") or []
            best = [result["alternatives"][0] for result in results if result.get("alternatives")]
            text = " ".join(one["transcript"].strip() for one in best if one.get("transcript"))
            words = tuple(
                Word(word["word"], _seconds(word.get("startTime")), _seconds(word.get("endTime")))
                for one in best
                for word in one.get("words") or ()
            )
            language = (results[0].get("languageCode") if results else "") or self._language
        return Transcript(text, True, language.split("-")[0].lower(), words)


def _seconds(duration: str | None) -> float:
    """Protocol buffers' JSON: "1.300s"; absent for zero."""
    return float((duration or "0s").removesuffix("s"))
