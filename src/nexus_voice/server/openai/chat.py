"""`POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from ..services import Shared
from ..streaming import begun, event_stream, while_connected
from .completion import Completion
from .errors import Invalid
from .models import selected
from .prompts import ChatMessage, ClientTool, ToolParam, prompt_of
from .stop_sequences import Stops

router = APIRouter(prefix="/v1", tags=["openai"])

DEFAULT_TOKENS, MAX_TOKENS = 2_048, 131_072
"""Tokens of an answer: when the request does not say, and the most that it may ask for."""

Stop = Annotated[str, Field(max_length=200)]


class StreamOptions(BaseModel):
    include_usage: bool = False


class Format(BaseModel):
    type: str = "text"


class Completions(BaseModel):
    """What is not listed is ignored: engines have their own temperature and seed."""

    model: str = Field("", description="Another engine's name selects that one; any other, the best.")
    messages: list[ChatMessage] = Field(min_length=1, max_length=2_000)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1, le=MAX_TOKENS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MAX_TOKENS)
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    tools: list[ToolParam] | None = Field(None, max_length=128)
    tool_choice: Literal["auto", "none", "required"] | dict[str, Any] | None = None
    response_format: Format | None = None
    n: int | None = None

    def refuse_what_we_cannot(self) -> None:
        """What would change the answer's form is refused rather than ignored. Raises `Invalid`."""
        if self.n not in (None, 1):
            raise Invalid("Only one answer is given: n must be 1.", "n")
        if self.response_format and self.response_format.type != "text":
            raise Invalid("Only plain text can be promised here.", "response_format")
        if self.tool_choice not in (None, "auto", "none"):
            raise Invalid("A tool call cannot be forced here: use auto or none.", "tool_choice")


@router.post(
    "/chat/completions",
    response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/event-stream": {}}}},
)
async def completions(wanted: Completions, request: Request, services: Shared) -> Any:
    """A chat completion, whole or streamed, by OpenAI's rules."""
    wanted.refuse_what_we_cannot()
    most = wanted.max_completion_tokens or wanted.max_tokens or DEFAULT_TOKENS
    offers = () if wanted.tool_choice == "none" else wanted.tools or ()
    stop = [wanted.stop] if isinstance(wanted.stop, str) else wanted.stop or []
    completion = Completion(
        selected(services.supply.chains["llm"], wanted.model),
        services.queues["llm"],
        prompt_of(wanted.messages, most),
        [ClientTool(**offer.function.model_dump()) for offer in offers],
        Stops(stop),
        with_usage=bool(wanted.stream_options and wanted.stream_options.include_usage),
    )
    if not wanted.stream:
        return JSONResponse(await while_connected(request, completion.whole))
    body = await while_connected(request, lambda: begun(completion.events()))
    return event_stream(body)
