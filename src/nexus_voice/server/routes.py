"""Which routes a server of each role answers."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from . import health, metrics, page
from .chat import routes as chat
from .openai import chat as completions
from .openai import embeddings, models, transcriptions
from .openai import speech as openai_speech
from .rag import collections, documents, ingest, jobs, query, refresh, text
from .roles import Role
from .speech import routes as speech
from .speech import stream
from .voice import routes as voice

Routers = tuple[APIRouter, ...]

EVERYWHERE: Routers = (health.router, metrics.router, models.router)
LLM: Routers = (completions.router,)
STT: Routers = (transcriptions.router, stream.router)
TTS: Routers = (openai_speech.router,)
EMBEDDER: Routers = (embeddings.router,)
RAG: Routers = tuple(one.router for one in (ingest, jobs, refresh, documents, text, collections, query))
CONVERSATION: Routers = (voice.router, chat.router, page.router, speech.hearing, speech.speaking, *RAG)

BY_ROLE: dict[Role, Routers] = {
    Role.all: (*CONVERSATION, *LLM, *STT, *TTS, *EMBEDDER),
    Role.app: CONVERSATION,
    Role.llm: LLM,
    Role.stt: (*STT, speech.hearing),
    Role.tts: (*TTS, speech.speaking),
    Role.rag: (*EMBEDDER, *RAG),
}


def mount(app: FastAPI, role: Role) -> None:
    for router in (*BY_ROLE[role], *EVERYWHERE):
        app.include_router(router)
