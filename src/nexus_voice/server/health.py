"""`/healthz`, `/readyz` and `/engines`: how the server is, and what it uses."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from .. import __version__
from ..supply.advice import advice
from .services import Shared

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive and its event loop runs."""
    return {"status": "ok", "version": __version__}


class EngineStatus(BaseModel):
    kind: str = Field(examples=["deepgram"])
    name: str = Field(examples=["deepgram:nova-3"])
    why: str = Field(description="How it came to be used.", examples=["DEEPGRAM_API_KEY is set"])
    state: str = Field(description="loading, ready, or what is wrong with it.", examples=["ready"])
    breaker: str = Field("", description="closed, open (resting after failures) or half-open.")
    trouble: str = Field("", description="Its latest error; empty while all is well.")
    switches: int = Field(0, description="Calls that went on to the next engine because it failed.")
    usage: dict[str, int] | None = Field(
        None, description="Tokens so far, as its provider counts.", examples=[{"prompt": 900}]
    )


class Better(BaseModel):
    port: str = Field(examples=["stt"])
    message: str
    command: str = Field(examples=["nexus-voice models pull"])


class EnginesStatus(BaseModel):
    using: dict[str, str] = Field(examples=[{"stt": "deepgram:nova-3"}])
    chains: dict[str, list[EngineStatus]] = Field(description="Every port's engines, best first.")
    better: list[Better] = Field(description="What would be better, and the command to get it.")


@router.get("/engines")
async def engines(services: Shared) -> EnginesStatus:
    """Which engines are in use, which stand behind them, and what would be better."""
    return EnginesStatus.model_validate(
        {
            "using": services.using,
            "chains": services.supply.status(),
            "better": [asdict(one) for one in advice(services.used)],
        }
    )


@router.get("/readyz")
async def readyz(services: Shared) -> JSONResponse:
    """200 once every part is warm, 503 before; each part with its state."""
    body = {
        "status": "ready" if services.ready else "warming",
        "parts": services.parts,
        "engines": services.using,
        "resting": services.supply.resting(),
        "voice_sessions": services.admission.active,
    }
    return JSONResponse(body, 200 if services.ready else 503)
