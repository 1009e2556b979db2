"""A server that starts sooner, by what it does not import."""

from __future__ import annotations

import sys
from typing import Any


def structlog_without_rich() -> None:
    """Import structlog as on a machine without rich, which takes 0.25 s and would only colour tracebacks."""
    modules: dict[str, Any] = sys.modules
    if "structlog" in modules or "rich" in modules:
        return
    modules["rich"] = None
    try:
        import structlog  # noqa: F401
    finally:
        del modules["rich"]
