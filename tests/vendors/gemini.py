"""The Gemini API's wire format (v1beta): streamGenerateContent?alt=sse, and google.rpc.Status errors."""

from __future__ import annotations

import json
from typing import Any

from openai_server import SSE, Reply, Request
from vendors.loopback import said

RPC = "type.googleapis.com/google.rpc."
USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12}


def event(payload: Any) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\r\n\r\n"


def chunk(*parts: dict[str, Any], finish: str = "") -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    whole = {"usageMetadata": USAGE, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    return event({"candidates": [candidate], **whole})


def text(words: str, finish: str = "") -> bytes:
    return chunk({"text": words}, finish=finish)


def call(name: str, args: dict[str, Any], signature: str = "", finish: str = "") -> bytes:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": args}}
    if signature:
        part["thoughtSignature"] = signature
    return chunk(part, finish=finish)


def saying(*texts: str) -> list[bytes]:
    """A whole proper stream; the last chunk often carries no more than the reason to stop."""
    return [*map(text, texts), text("", finish="STOP")]


def refusal(code: int, message: str, status: str, *details: dict[str, Any], listed: bool = False) -> Reply:
    """`listed`: as a list of one, which some of Google's front ends make of it."""
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = list(details)
    body: Any = {"error": error}
    return said([body] if listed else body, code)


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": f"{RPC}RetryInfo", "retryDelay": delay}


QUOTA = {
    "@type": f"{RPC}QuotaFailure",
    "violations": [
        {
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
            "quotaValue": "10",
        }
    ],
}
BAD_KEY = {
    "@type": f"{RPC}ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
    "metadata": {"service": "generativelanguage.googleapis.com"},
}


def usual(request: Request) -> Reply:
    """Says the question back; knows two models."""
    if request.method == "GET":
        name = request.path.removeprefix("/v1beta/")
        if name not in ("models/gemini-2.5-flash", "models/gemini-2.5-flash-lite"):
            message = f"{name} is not found for API version v1beta."
            return refusal(404, message, "NOT_FOUND")
        return said({"name": name, "supportedGenerationMethods": ["generateContent"]})
    last = request.body["contents"][-1]["parts"][0]
    words = last["text"].split() if "text" in last else [last["functionResponse"]["response"]["result"]]
    return Reply(saying("You said:", *(f" {word}" for word in words)), type=SSE)
