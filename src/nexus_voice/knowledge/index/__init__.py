"""What finds chunks, by their words and by their meaning: FTS5 and FAISS, or PostgreSQL."""
