"""Finds chunks by their words and by their meaning: with FTS5 and FAISS, or with PostgreSQL."""
