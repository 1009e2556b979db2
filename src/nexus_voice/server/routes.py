"""Which addresses a server of each role answers."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from . import health, metrics, page
from .chat import routes as chat
from .openai import chat as completions
from .openai import embeddings, models, transcriptions
from .openai import speech as openai_speech
from .rag import routes as rag
from .roles import Role
from .speech import routes as speech
from .speech import stream as transcribing
from .voice import routes as voice

EVERYWHERE = (health.router, metrics.router, models.router)
CONVERSATION = (voice.router, chat.router, page.router, speech.hearing, speech.speaking, rag.router)
LLM = (completions.router,)
STT = (transcriptions.router, transcribing.router)
TTS = (openai_speech.router,)
RAG = (embeddings.router,)

FACES: dict[Role, tuple[APIRouter, ...]] = {
    Role.all: (*CONVERSATION, *LLM, *STT, *TTS, *RAG),
    Role.app: CONVERSATION,
    Role.llm: LLM,
    Role.stt: (*STT, speech.hearing),
    Role.tts: (*TTS, speech.speaking),
    Role.rag: (*RAG, rag.router),
}


def mount(app: FastAPI, role: Role) -> None:
    for router in (*FACES[role], *EVERYWHERE):
        app.include_router(router)
