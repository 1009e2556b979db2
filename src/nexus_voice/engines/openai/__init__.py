"""Servers that speak OpenAI's protocol."""

OLLAMA = "http://127.0.0.1:11434/v1"
"""Where Ollama listens by default."""
