"""`/healthz`: alive. `/readyz`: every engine warm."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from .. import __version__
from .state import Shared

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is alive and its event loop runs."""
    return {"status": "ok", "version": __version__}


@router.get("/readyz")
async def readyz(state: Shared) -> JSONResponse:
    """200 once every part is warm, 503 before; each part with its state."""
    body = {
        "status": "ready" if state.ready else "warming",
        "parts": state.warming,
        "engines": state.engines.names(),
        "voice_sessions": state.admission.active,
    }
    return JSONResponse(body, 200 if state.ready else 503)
