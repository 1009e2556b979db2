"""The two directions of Deepgram's live transcription: the microphone's sound, and the recognised text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
from httpx_ws import AsyncWebSocketSession

from ...core.audio import Pcm, Transcript, Word
from ..http.audio import checked
from ..http.socket import GONE

KEEP_ALIVE_S = 4.0
"""Without audio; then Deepgram is told that we are still here. It closes after 10 s."""
END_OF_AUDIO = ({"type": "Finalize"}, {"type": "CloseStream"})
"""Messages that ask for the final text. The first is answered sooner, the second always."""


class Result:
    """The text so far, put together from Deepgram's messages. Pure."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._settled: list[str] = []
        self._words: list[Word] = []
        self._guess = ""

    def take(self, said: dict[str, Any]) -> tuple[bool, bool]:
        """Take in a message; (whether it ends the result, whether the text has changed). Raises `TypeError`,
        `KeyError` and the like for what is no message of Deepgram's."""
        if said["type"] != "Results":  # SpeechStarted, UtteranceEnd, and types to come
            return said["type"] == "Metadata", False
        best = said["channel"]["alternatives"][0]
        text, before = best["transcript"].strip(), self.transcript(False).text
        if said["is_final"]:
            self._settled += [text] if text else []
            self._words += [
                Word(word.get("punctuated_word") or word["word"], float(word["start"]), float(word["end"]))
                for word in best.get("words") or ()
            ]
            languages = best.get("languages") or ()
            self._language = self._language or (str(languages[0]).split("-")[0] if languages else "")
        self._guess = "" if said["is_final"] else text
        return bool(said.get("from_finalize")), self.transcript(False).text != before

    def transcript(self, final: bool) -> Transcript:
        text = " ".join([*self._settled, *([self._guess] if self._guess else [])])
        return Transcript(text, final, self._language, tuple(self._words) if final else ())


class Microphone:
    """Sends an utterance and its end, and keeps the connection alive while there is nothing to send."""

    def __init__(self, socket: AsyncWebSocketSession, within: float) -> None:
        self.ended = False
        self.final_timeout = anyio.CancelScope()
        """Is cancelled `within` seconds after the end of the audio, when the final text is late."""
        self._socket, self._within = socket, within
        self._sent = anyio.current_time()

    async def send(self, first: Pcm, audio: AsyncIterator[Pcm]) -> None:
        try:
            await self._send(first)
            async for pcm in audio:
                await self._send(pcm)
            self.ended = True
            self.final_timeout.deadline = anyio.current_time() + self._within
            for order in END_OF_AUDIO:
                await self._socket.send_json(order)
        except GONE:
            return  # the reader of the socket learns why

    async def keep_alive(self) -> None:
        try:
            while not self.ended:
                silent = anyio.current_time() - self._sent
                if silent >= KEEP_ALIVE_S:
                    self._sent, silent = anyio.current_time(), 0.0
                    await self._socket.send_json({"type": "KeepAlive"})
                await anyio.sleep(KEEP_ALIVE_S - silent)
        except GONE:
            return

    async def _send(self, pcm: Pcm) -> None:
        self._sent = anyio.current_time()
        if checked(pcm).data:  # Deepgram takes an empty message for the end
            await self._socket.send_bytes(pcm.data)
