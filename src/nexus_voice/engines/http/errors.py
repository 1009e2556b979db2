"""Errors of remote services in plain words, with stable codes and without the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from ...core.errors import EngineError

NOUNS = {
    "llm": "language model",
    "stt": "speech recognition",
    "tts": "speech synthesis",
    "embed": "embedding",
    "search": "web search",
}
UNEXPECTED_SHAPE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What code raises that takes a decoded message of an unexpected shape apart."""
MAX_RETRY_AFTER_S = 86_400.0
"""No service is believed that asks for a longer pause."""
MAX_DETAIL_CHARS = 300
_DETAIL_KEYS = ("error", "detail", "message", "err_msg", "title", "reason", "details", "status", "msg")
"""Where services put their words, the most telling first."""

Special = Callable[[int, str], EngineError | None]


class ServiceErrors:
    """Makes the errors of one remote service.

    `port` is "llm", "stt", "tts", "embed" or "search"; every code begins with it. `setting` names the
    setting that holds the key, `secret` is the key itself, which is blanked out of all messages, and
    `hint` says what to do when nobody answers. `special` may return an error of its own for a status and
    the service's words. `codes` replaces endings of codes.
    """

    def __init__(
        self,
        port: str,
        url: httpx.URL,
        setting: str,
        secret: str = "",
        hint: str = "",
        special: Special = lambda status, detail: None,
        codes: Mapping[str, str] | None = None,
    ) -> None:
        self._port, self._noun = port, NOUNS.get(port, port)
        self.service = f"The {self._noun} service at {url.host}"
        self._url, self._setting, self._secret = url, setting, secret
        self._hint = hint or "Check the network connection and the address in the settings."
        self._special, self._codes = special, codes or {}

    def refused(self, response: httpx.Response) -> EngineError:
        """For a response that is no success and whose body has been read."""
        try:
            body = orjson.loads(response.content)
            detail = error_detail(body)
        except ValueError:
            plain = response.headers.get("content-type", "").startswith("text/plain")
            body, detail = None, " ".join(response.text.split())[:MAX_DETAIL_CHARS] if plain else ""
        after = retry_after_s(response.headers.get("retry-after", "")) or retry_delay_s(body)
        return self.failed(response.status_code, detail or response.reason_phrase, after)

    def in_stream(self, body: Any) -> EngineError:
        """For an error that came as a message inside an answer."""
        return self.failed(_status(body), error_detail(body), retry_delay_s(body))

    def failed(self, status: int, detail: object, retry_after: float = 0.0) -> EngineError:
        """For an HTTP status and the service's own words, which are shown where they can help."""
        said, service = self._redacted(str(detail)), self.service
        if special := self._special(status, said):
            return special
        if status in (401, 403) or (status == 400 and "api key" in said.lower()):  # the last is Google's
            why = f" It says: {said}" if status == 403 else ""  # such as what the key has no right to
            return self._error("auth", f"{service} refused the key ({status}): check {self._setting}.{why}")
        if status == 402:
            return self._error("quota", f"{service} says that the account has no credit left.")
        if status == 404:
            return self._error(
                "request",
                f"{service} does not know this (404): {said}. Check its address and the model's name.",
            )
        if status == 429:
            when = f"in {retry_after:g} s" if retry_after else "in a moment"
            return self._error(
                "limit",
                f"{service} is at its limit (429). Try again {when}.",
                status=503,
                retryable=True,
                retry_after=retry_after,
            )
        if status in (408, 409) or status >= 500:
            message = f"{service} is in trouble ({status}): {said or 'no reason given'}. Try again."
            return self._error("failed", message, retryable=True, retry_after=retry_after)
        return self._error("request", f"{service} refused the request ({status}): {said}")

    def unreachable(self) -> EngineError:
        message = f"No {self._noun} service answers at {self._url}. {self._hint}"
        return self._error("unreachable", message, retryable=True)

    def timed_out(self, seconds: float, hint: str = "Try again.") -> EngineError:
        message = f"{self.service} said nothing for {seconds:g} s. {hint}"
        return self._error("timeout", message, status=504, retryable=True)

    def broken(self) -> EngineError:
        message = f"{self.service} stopped in the middle of its answer. Try again."
        return self._error("stream_broken", message, retryable=True)

    def malformed(self, what: object) -> EngineError:
        message = f"{self.service} sent something that cannot be read: {self._redacted(str(what))[:80]}"
        return self._error("malformed", message, retryable=True)

    def decoded(self, data: bytes) -> Any:
        """`data` as JSON."""
        try:
            return orjson.loads(data)
        except ValueError as error:
            raise self.malformed(data[:400].decode(errors="replace")) from error

    @contextmanager
    def reading(self, message: object) -> Iterator[None]:
        """Around code that takes a decoded message apart: one of an unexpected shape is malformed."""
        try:
            yield
        except UNEXPECTED_SHAPE as error:
            raise self.malformed(message) from error

    def _error(self, ending: str, message: str, **more: Any) -> EngineError:
        return EngineError(message, code=f"{self._port}_{self._codes.get(ending, ending)}", **more)

    def _redacted(self, text: str) -> str:
        return text.replace(self._secret, "***") if self._secret else text


def error_detail(body: Any) -> str:
    """The words in a decoded error body, of which every provider has its own shape.

    Known: {"error": {"message": ...}} (OpenAI, Google, Gemini), a list of one such (Google), {"err_msg":
    ...} and {"message": ..., "details": ...} (Deepgram), {"title": ..., "message": ...} (Cartesia),
    {"detail": {"error": ...}} (Tavily), {"detail": [{"msg": ...}]} (FastAPI), a plain string.
    """
    while not isinstance(body, str):
        if isinstance(body, list):
            body = body[0] if body else ""
        elif isinstance(body, dict):
            body = next((body[key] for key in _DETAIL_KEYS if body.get(key)), "")
        else:
            body = "" if body is None else str(body)
    return " ".join(body.split())[:MAX_DETAIL_CHARS]


def retry_after_s(header: str) -> float:
    """Seconds that a Retry-After header (a number or a date) asks for; 0.0 when it says nothing."""
    try:
        return min(max(0.0, float(header)), MAX_RETRY_AFTER_S)
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def retry_delay_s(body: Any) -> float:
    """Seconds that a google.rpc.RetryInfo in an error body asks for ("17s", "57.2s"); 0.0 without one."""
    try:
        error = (body[0] if isinstance(body, list) else body)["error"]
        for detail in error["details"]:
            if detail["@type"].endswith("google.rpc.RetryInfo"):
                return min(max(0.0, float(detail["retryDelay"].removesuffix("s"))), MAX_RETRY_AFTER_S)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        pass
    return 0.0


def _status(body: Any) -> int:
    """The HTTP status that an error inside a stream would have had."""
    outer = body if isinstance(body, dict) else {}
    parts = [part for part in (outer, outer.get("error")) if isinstance(part, dict)]
    given = [part[key] for part in parts for key in ("status_code", "code") if isinstance(part.get(key), int)]
    limited = any("rate_limit" in str(part.get(key)) for part in parts for key in ("code", "type"))
    return given[0] if given else 429 if limited else 500
