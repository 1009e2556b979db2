"""`/rag/...`: the user's documents in, answers from them out."""

from __future__ import annotations

from fastapi import APIRouter

from . import rag_collections, rag_documents, rag_ingest, rag_jobs, rag_query, rag_text

router = APIRouter(prefix="/rag")
for face in (rag_ingest, rag_jobs, rag_documents, rag_text, rag_collections, rag_query):
    router.include_router(face.router)
