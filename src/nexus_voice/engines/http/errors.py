"""What remote providers say when something is wrong, in plain words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ...core.errors import EngineError

NOUNS = {
    "llm": "language model",
    "stt": "speech recognition",
    "tts": "speech synthesis",
    "embed": "embedding",
    "search": "web search",
}
LONGEST_WAIT = 86_400.0
"""Seconds; no header is believed beyond that."""
_SAYS = ("error", "detail", "message", "err_msg", "title", "reason", "details", "status")
"""Where the providers put their words, the most telling first."""


def explained(body: Any) -> str:
    """The words in a decoded error body, of which every provider has its own shape; at most 300 characters.

    Known: {"error": {"message": ...}} (OpenAI, Google, Gemini), a list of one such (Google), {"err_msg":
    ...} and {"message": ..., "details": ...} (Deepgram), {"title": ..., "message": ...} (Cartesia),
    {"detail": {"error": ...}} (Tavily), {"detail": [{"msg": ...}]} (FastAPI), a plain string.
    """
    while not isinstance(body, str):
        if isinstance(body, list):
            body = body[0] if body else ""
        elif isinstance(body, dict):
            body = next((body[key] for key in (*_SAYS, "msg") if body.get(key)), "")
        else:
            body = "" if body is None else str(body)
    return " ".join(body.split())[:300]


def wait_in(retry_after: str) -> float:
    """Seconds that a Retry-After header (a number or a date) asks for; 0.0 when it says nothing."""
    try:
        return min(max(0.0, float(retry_after)), LONGEST_WAIT)
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def unreachable(what: str, url: httpx.URL, hint: str) -> EngineError:
    noun = NOUNS.get(what, what)
    hint = hint or "Check the network connection and the address in the settings."
    message = f"No {noun} service answers at {url}. {hint}"
    return EngineError(message, code=f"{what}_unreachable", retryable=True)


def failure(what: str, service: str, status: int, detail: str, after: float, setting: str) -> EngineError:
    """A provider's refusal. `detail` is its own words; of use to the user only where we know no better."""
    if status in (401, 403) or (status == 400 and "api key" in detail.lower()):  # the last is Google's
        why = f" It says: {detail}" if status == 403 else ""  # such as what the key has no right to
        message = f"{service} refused the key ({status}): check {setting}.{why}"
        return EngineError(message, code=f"{what}_auth")
    if status == 402:
        return EngineError(f"{service} says that the account has no credit left.", code=f"{what}_quota")
    if status == 429:
        when = f"in {after:g} s" if after else "in a moment"
        message = f"{service} is at its limit (429). Try again {when}."
        return EngineError(message, code=f"{what}_limit", status=503, retryable=True, retry_after=after)
    if status == 404:
        message = f"{service} does not know this (404): {detail}. Check its address and the model's name."
        return EngineError(message, code=f"{what}_request")
    if status in (408, 409) or status >= 500:
        message = f"{service} is in trouble ({status}): {detail or 'no reason given'}. Try again."
        return EngineError(message, code=f"{what}_failed", retryable=True, retry_after=after)
    return EngineError(f"{service} refused the request ({status}): {detail}", code=f"{what}_request")
