"""From a question to the passages that answer it, and how well that works."""
