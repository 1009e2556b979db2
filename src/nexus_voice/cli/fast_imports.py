"""A server that starts sooner, by what it does not import."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def lean() -> None:
    """Call before anything else of the server is imported; saves half a second of two.

    structlog would colour tracebacks with rich, uvicorn brings a command line of its own, and FastAPI
    looks whether a model is one of pydantic's old version. Each does without when it cannot have it.
    """
    modules: dict[str, Any] = sys.modules
    if not {"structlog", "rich"} & modules.keys():
        modules["rich"] = None
        try:
            import structlog  # noqa: F401
        finally:
            del modules["rich"]
    if "uvicorn" not in modules:
        command_line: Any = ModuleType("uvicorn.main")
        command_line.Server = command_line.main = command_line.run = None
        modules["uvicorn.main"] = command_line
        try:
            import uvicorn.server

            uvicorn.Server = uvicorn.server.Server  # type: ignore[misc]
        finally:
            del modules["uvicorn.main"]
    modules.setdefault("pydantic.v1", None)
