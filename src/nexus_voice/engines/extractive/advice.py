"""What is said when nothing is found, with advice that whoever asked can follow."""

from __future__ import annotations

from ...core.chat import Caller, Prompt

NOT_FOUND = "I did not find that in your documents."
HINT_SPOKEN = "Add a document about it, or connect a language model."
HINT_SHOWN: dict[Caller, str] = {
    "conversation": "Add a document about it to the knowledge base, or connect a language model, "
    "which can answer open questions too.",
    "http": "Add a document about it with POST /rag/ingest, or connect a language model to the server, "
    "which can answer open questions too.",
}
HINT_SHOWN["openai"] = HINT_SHOWN["http"]
NOT_SEARCHED: dict[Caller, str] = {
    "conversation": "The knowledge base is off for this conversation, and without a language model I cannot "
    "answer that. Switch it on, or connect a language model.",
    "http": "The documents were not searched, and without a language model I cannot answer that. "
    'Send "knowledge": true, or connect a language model to the server.',
    "openai": "No documents are searched here, and without a language model I cannot answer that. "
    "Ask POST /chat or POST /rag/query, which search them, or connect a language model to the server.",
}
NO_KNOWLEDGE = (
    "This server has no knowledge base, and without a language model I cannot answer that. "
    "Connect a language model to it, or start it with a knowledge base."
)


def not_found(prompt: Prompt) -> str:
    if prompt.knowledge:
        return f"{NOT_FOUND} {HINT_SPOKEN if prompt.spoken else HINT_SHOWN[prompt.caller]}"
    return NOT_SEARCHED[prompt.caller] if prompt.has_knowledge else NO_KNOWLEDGE
