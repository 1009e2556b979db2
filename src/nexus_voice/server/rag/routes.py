"""`/rag/...`: the user's documents in, answers from them out."""

from __future__ import annotations

from fastapi import APIRouter

from . import (
    collections as rag_collections,
)
from . import (
    documents as rag_documents,
)
from . import (
    ingest as rag_ingest,
)
from . import (
    jobs as rag_jobs,
)
from . import (
    query as rag_query,
)
from . import (
    text as rag_text,
)

router = APIRouter(prefix="/rag")
for face in (rag_ingest, rag_jobs, rag_documents, rag_text, rag_collections, rag_query):
    router.include_router(face.router)
