"""The web page at `/`: a few static files, which are read once."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..core.errors import BadInput

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).parent / "static"
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    # Browsers ask each time and seldom get it again: a new page must not run with an old script.
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class File:
    data: bytes
    headers: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> File:
        data = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        kind = {"application/javascript": "text/javascript"}.get(kind, kind)
        return cls(
            data,
            {
                **HEADERS,
                "content-type": f"{kind}; charset=utf-8",
                "etag": f'"{hashlib.sha256(data).hexdigest()[:16]}"',
            },
        )


FILES = {path.name: File.read(path) for path in sorted(FOLDER.iterdir())}


def sent(name: str, request: Request) -> Response:
    file = FILES.get(name)
    if file is None:
        raise BadInput("There is no such file.", code="not_found", status=404)
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if file.headers["etag"] in known:
        return Response(status_code=304, headers=file.headers)
    return Response(file.data, headers=file.headers)


@router.api_route("/", methods=["GET", "HEAD"])
async def index(request: Request) -> Response:
    return sent("index.html", request)


@router.api_route("/static/{name}", methods=["GET", "HEAD"])
async def static(name: str, request: Request) -> Response:
    return sent(name, request)
