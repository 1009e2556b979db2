"""`POST /rag/ingest`: takes documents as files, texts or web addresses."""

from __future__ import annotations

import re
from typing import Annotated, Any

import anyio
import anyio.to_thread
import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from ...core.access import DEFAULT
from ...core.errors import BadInput
from ...knowledge.ingest.fetch import target
from ...knowledge.ingest.job import Sent
from ..services import Shared
from ..streaming import while_connected
from ..uploads import form_of, media_type
from .dependencies import Caller, Jobs, not_found
from .jobs import Job, shown
from .names import one_line, relative_path

router = APIRouter(prefix="/rag", tags=["documents"])

MAX_FILES, MAX_TEXTS, MAX_URLS = 1_000, 1_000, 100
"""How many one request may have."""
MAX_IDENTITY_BYTES = 2_600
"""Bytes of source and name together: an entry of PostgreSQL's index has room for 2,704 bytes."""
USERINFO = re.compile(r"//[^/]*@")
"""A name and password in an address. They are hidden, because everyone sees the jobs."""
MAX_WAIT_S = 60
"""Seconds for which a client may wait for the end of its job."""


class TextDocument(BaseModel):
    title: str = Field(min_length=1, max_length=300, examples=["Opening hours"])
    text: str = Field(min_length=1, examples=["We are open from nine to five, Monday to Friday."])


class Handed(BaseModel):
    collection: str = Field(DEFAULT, max_length=100)
    texts: list[TextDocument] = Field([], max_length=MAX_TEXTS)
    urls: list[str] = Field([], max_length=MAX_URLS, examples=[["https://example.org/handbook.pdf"]])


FINGERPRINTS = TypeAdapter(list[Annotated[str, Field(max_length=300)]])

FORM = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {
            "type": "array",
            "maxItems": MAX_FILES,
            "items": {"type": "string", "format": "binary"},
            "description": "File names may be relative paths.",
        },
        "collection": {"type": "string", "default": DEFAULT},
        "source": {
            "type": "string",
            "default": "upload",
            "description": "Where they come from: documents of two sources never replace each other.",
        },
        "fingerprints": {
            "type": "string",
            "description": "A JSON list of strings, one for each file: its version at the source. "
            "A file whose version is known already is not read again.",
        },
    },
}
TEXTS_AND_URLS = {
    "type": "object",
    "properties": {
        name: schema | ({"items": TextDocument.model_json_schema()} if name == "texts" else {})
        for name, schema in Handed.model_json_schema()["properties"].items()
    },
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": FORM},
            "application/json": {"schema": TEXTS_AND_URLS},
        },
    }
}


@router.post("/ingest", status_code=202, openapi_extra=BODY, responses={200: {"model": Job}})
async def ingest(
    request: Request,
    response: Response,
    jobs: Jobs,
    caller: Caller,
    services: Shared,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for its end.")] = 0,
) -> Job:
    """Hand documents in: a form with `files`, or JSON with `texts` and `urls`. The answer is a job that
    takes them in one by one; 200 when it has ended already. A document of the same collection, source and
    name is replaced; the same content again changes nothing."""
    if media_type(request)[0] == "multipart/form-data":
        async with form_of(request, max_files=MAX_FILES, max_fields=10) as form:
            sent = files_in(form, services.settings.knowledge.file)
            collection = field(form, "collection") or DEFAULT
            id = await jobs.enqueue(collection, sent, caller)
    else:
        collection, sent = await anyio.to_thread.run_sync(handed_in, await request.body())
        id = await jobs.enqueue(collection, sent, caller)
    if id is None:
        raise not_found("collection")

    async def ended() -> None:
        with anyio.move_on_after(wait):
            async for _ in jobs.follow(id, caller):
                pass

    if wait:
        await while_connected(request, ended)
    job = await jobs.job(id, caller)
    if job is None:
        raise not_found("collection")
    if job.over:
        response.status_code = 200
    return shown(job)


def files_in(form: FormData, most: int) -> list[Sent]:
    files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
    if not files:
        raise BadInput('The form needs files in its field "files".', code="files_missing")
    source = one_line(field(form, "source"), 500) or "upload"
    try:
        fingerprints = FINGERPRINTS.validate_json(field(form, "fingerprints") or "[]")
    except ValidationError:
        raise BadInput(
            'The field "fingerprints" is a JSON list of strings of 300 characters at most.',
            code="bad_request",
            status=422,
        ) from None
    if fingerprints and len(fingerprints) != len(files):
        raise BadInput(
            f"There are {len(files)} files and {len(fingerprints)} fingerprints; send one for each file.",
            code="bad_request",
            status=422,
        )
    versions = fingerprints or [""] * len(files)
    return [uploaded(*one, source, most) for one in zip(files, versions, strict=True)]


def uploaded(file: UploadFile, fingerprint: str, source: str, most: int) -> Sent:
    problem = None
    name = (file.filename or "").strip()
    try:
        name = relative_path(name)
        if len(f"{source}{name}".encode()) > MAX_IDENTITY_BYTES:
            raise BadInput(
                f"“{name[:40]}…” and its source are longer than {MAX_IDENTITY_BYTES:,} bytes.",
                code="name_too_long",
            )
        if (file.size or 0) > most:
            raise BadInput(
                f"“{name}” has {file.size:,} bytes; at most {most:,} are taken. Split it into parts, or "
                "raise NEXUS_KNOWLEDGE__FILE.",
                code="too_large",
            )
    except BadInput as error:
        problem = error
    return Sent(
        name=one_line(name, 500),
        read=file.file.read,
        type=one_line(file.content_type or "", 200),
        source=source,
        fingerprint=one_line(fingerprint, 300),
        problem=problem,
    )


def written(text: TextDocument) -> Sent:
    title = one_line(text.title, 300)
    problem = None if title else BadInput("A document needs a name.", code="name_missing")

    def data() -> bytes:
        return text.text.replace("\0", " ").encode("utf-8", "replace")

    return Sent(title, data, "text/markdown", problem=problem)


def page(url: str) -> Sent:
    try:
        address = str(target(url))
    except BadInput as error:
        problem = BadInput(USERINFO.sub("//…@", error.message), code=error.code, status=error.status)
        return Sent(USERINFO.sub("//…@", one_line(url, 500)), source="url", problem=problem)
    return Sent(address, source="url", url=address)


def field(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def handed_in(body: bytes) -> tuple[str, list[Sent]]:
    """The collection and its documents. A hundred long addresses take a second: call it in a thread."""
    try:
        found: Any = orjson.loads(body)
        handed = Handed.model_validate(found)
    except orjson.JSONDecodeError as error:
        raise BadInput(
            f'Send a form with "files", or JSON: {{"texts": [{{"title": "…", "text": "…"}}]}} ({error}).',
            code="bad_json",
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"{where or 'The body'}: {first['msg']}", code="bad_request", status=422) from None
    if not handed.texts and not handed.urls:
        raise BadInput('Send "texts" or "urls".', code="bad_request", status=422)
    return handed.collection, [*map(written, handed.texts), *map(page, handed.urls)]
