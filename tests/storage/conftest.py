"""The same database fixtures as the knowledge base's tests."""

from knowledge.conftest import at, postgres_server, postgres_url

__all__ = ["at", "postgres_server", "postgres_url"]
