"""`POST /v1/embeddings`."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import anyio
import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ...core.errors import EngineError
from ...engines.chain.fallback import Fallback
from ..services import Shared
from ..streaming import Stream, begun, while_connected
from .completion import tokens
from .errors import Invalid
from .models import alone

if TYPE_CHECKING:
    from ...ports import Vectors

router = APIRouter(prefix="/v1", tags=["openai"])

MAX_TEXTS, MAX_TEXT_CHARS = 2_048, 100_000
"""Texts of one request, as at OpenAI, and characters of each. Models read only the beginning."""
ROWS_PER_PIECE = 32
"""Vectors in one piece of the answer: other clients are served between two pieces."""

Token = Annotated[int, Field(strict=True)]


class Texts(BaseModel):
    """What is not listed is ignored."""

    input: Annotated[str | list[str] | list[Token] | list[list[Token]], Field(union_mode="left_to_right")]
    model: str = Field("", description="An engine's name selects it; any other means the one in use.")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    input_type: Literal["query", "passage"] = Field(
        "passage", description="What the texts are, for models that tell questions from documents."
    )

    @property
    def texts(self) -> list[str]:
        """Raises `Invalid`."""
        given = [self.input] if isinstance(self.input, str) else self.input
        texts = [text for text in given if isinstance(text, str)]
        if len(texts) < len(given):
            raise Invalid("Send texts: this model has other tokens.", "input", code="unsupported_input")
        if not 1 <= len(texts) <= MAX_TEXTS:
            raise Invalid(f"From 1 to {MAX_TEXTS:,} texts can be sent at a time.", "input")
        if not all(text and len(text) <= MAX_TEXT_CHARS for text in texts):
            raise Invalid(f"Each text must have from 1 to {MAX_TEXT_CHARS:,} characters.", "input")
        return texts


@router.post("/embeddings", response_class=Response, responses={200: {"content": {"application/json": {}}}})
async def embeddings(wanted: Texts, request: Request, services: Shared) -> Response:
    """Texts to vectors of unit length, in their order; all of a request in one call of the engine."""
    texts = wanted.texts
    engine = chosen(services.supply.chains["embedder"], wanted.model)

    async def made() -> Vectors:
        async with services.queues["embedder"].place():
            return await engine.embed(texts, wanted.input_type)

    vectors = await while_connected(request, made)
    if wanted.dimensions not in (None, vectors.shape[1]):
        raise Invalid(f"This model's vectors have {vectors.shape[1]} dimensions.", "dimensions")
    body = written(vectors, wanted.encoding_format, engine.name, sum(map(tokens, texts)))
    return Stream(await begun(body), "application/json", {})


def chosen(chain: Fallback, name: str) -> Fallback:
    """The engine of this name, or the best, without others behind it: their vectors do not compare."""
    links = [link for link in chain.links if link.engine.name == name] or chain.links
    if not links:
        raise EngineError("The embedding model is still being loaded.", code="loading", retryable=True)
    return alone(chain, links[0])


async def written(vectors: Vectors, encoding: str, model: str, used: int) -> AsyncGenerator[bytes]:
    """The answer in pieces, so that thousands of vectors do not hold the event loop."""
    dump = partial(orjson.dumps, option=orjson.OPT_SERIALIZE_NUMPY)
    mark = b'{"object":"list","data":['
    for at in range(0, len(vectors), ROWS_PER_PIECE):
        rows = []
        for index, row in enumerate(vectors[at : at + ROWS_PER_PIECE], at):
            one = base64.b64encode(row.astype("<f4").tobytes()).decode() if encoding == "base64" else row
            rows.append(dump({"object": "embedding", "index": index, "embedding": one}))
        yield mark + b",".join(rows)
        mark = b","
        await anyio.lowlevel.checkpoint()
    usage = {"prompt_tokens": used, "total_tokens": used}
    yield b'],"model":' + orjson.dumps(model) + b',"usage":' + orjson.dumps(usage) + b"}"
