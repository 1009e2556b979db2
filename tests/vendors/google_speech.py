"""Google's REST wire formats: speech:recognize, text:synthesize, voices, google.rpc.Status errors."""

from __future__ import annotations

import base64
from typing import Any

from openai_server import Reply, Request
from vendors.loopback import said
from vendors.sound import tone, wav

BAD_KEY = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}


def refusal(code: int, status: str, message: str, *details: Any, **headers: str) -> Reply:
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return said({"error": error}, code, **headers)


def recognised(*texts: str) -> Reply:
    found = [
        {
            "alternatives": [
                {
                    "transcript": text,
                    "confidence": 0.98,
                    "words": [
                        {"startTime": f"{n}s", "endTime": f"{n}.500s", "word": word}
                        for n, word in enumerate(text.split())
                    ],
                }
            ],
            "resultEndTime": "1.5s",
            "languageCode": "en-us",
        }
        for text in texts
    ]
    return said({"results": found, "totalBilledTime": "15s"} if found else {"totalBilledTime": "0s"})


def usual(request: Request) -> Reply:
    path = request.path.split("?")[0]
    if path == "/v1/voices":
        return said({"voices": [{"languageCodes": ["en-US"], "name": "en-US-Neural2-F"}]})
    body = request.body
    if path == "/v1/speech:recognize":
        content = base64.b64decode(body["audio"]["content"])
        if not content:
            return refusal(400, "INVALID_ARGUMENT", "RecognitionAudio not set.")
        assert body["config"]["encoding"] == "LINEAR16"
        return recognised(f"I heard {len(content) / 32_000:.1f} seconds") if any(content) else recognised()
    assert path == "/v1/text:synthesize"
    assert body["audioConfig"]["audioEncoding"] == "LINEAR16"
    sound = wav(tone(body["input"]["text"], body["audioConfig"].get("speakingRate", 1.0)))
    return said({"audioContent": base64.b64encode(sound).decode()})
