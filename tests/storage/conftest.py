from knowledge.conftest import at

__all__ = ["at"]
