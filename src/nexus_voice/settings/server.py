"""Settings of the server: where it listens, what it logs, and how much it accepts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .section import Seconds, Section


class Server(Section):
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    origins: list[str] = Field(
        [], description="Web origins that may connect besides the server's own, such as https://example.org."
    )
    log: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is logged."
    )
    log_json: bool | None = Field(
        None, description="Whether to log JSON lines; by default when standard error is not a terminal."
    )


class Limits(Section):
    sessions: int = Field(100, ge=1, description="Voice sessions at a time; further ones are refused.")
    sessions_per_address: int = Field(
        0, ge=0, description="Voice sessions at a time from one address; 0: as many as there are."
    )
    requests: int = Field(
        1_024,
        ge=0,
        description="Requests in progress at a time, where one to a model counts as 4 and an upload of "
        "documents as 8; further ones are refused with 429. 0: no limit.",
    )
    requests_per_address: int = Field(512, ge=0, description="The same for each client address. 0: no limit.")
    rate: int = Field(
        12_000,
        ge=0,
        description="Requests a minute from one client address, counted in the same way; further ones are "
        "refused with 429. 0: no limit.",
    )
    loop_lag: Seconds = Field(
        0.1, description="Event-loop delay (90th percentile of 5 s) above which new sessions are refused."
    )
    upload: int = Field(20_000_000, ge=1_000, description="Largest recording to transcribe, in bytes.")
    body: int = Field(
        250_000,
        ge=1_000,
        description="Largest request in bytes that uploads nothing; conversations and texts for embeddings "
        "under /v1 may have ten times as many.",
    )
    text: int = Field(8_000, ge=100, description="Longest text message in characters.")
    messages: int = Field(200, ge=10, description="Messages a second from one connection, averaged over 5 s.")
    audio: float = Field(3.0, ge=1.1, description="Seconds of audio accepted per second.")
    idle: Seconds = Field(
        3600, description="Seconds without a connection after which a session is forgotten."
    )
    send: Seconds = Field(
        10, description="Seconds a client may take to accept a message before it is disconnected."
    )
    remembered: int = Field(
        2_000, ge=1, description="Sessions that are kept so that their clients can reconnect."
    )
    model_requests: int = Field(
        8,
        ge=1,
        description="Requests by HTTP that each model serves at a time; voice conversations do not count.",
    )
    model_queue: int = Field(
        32, ge=0, description="Requests that may wait for each model; further ones are refused with 429."
    )
