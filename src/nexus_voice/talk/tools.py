"""Running the model's tool calls: time limits, and call and result always as a pair."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from ..domain.chat import ToolCall, ToolStep
from ..domain.errors import NexusError
from ..domain.events import Tool as ToolEvent
from ..ports import Tool
from .line import Line

LIMIT = 15.0
"""Seconds a tool may take."""
LONGEST_RESULT = 8_000
"""Characters of a result that reach the model."""


async def run(call: ToolCall, tools: Sequence[Tool], turn: int, line: Line, steps: list[ToolStep]) -> None:
    """Run one call and append the pair to `steps`, also when the user interrupts meanwhile.

    A side effect that has started is finished and its true result recorded; anything else stops at
    once and is recorded as interrupted.
    """
    tool = next((tool for tool in tools if tool.name == call.name), None)
    step = ToolStep(call, "interrupted", ok=False)
    await line.send(ToolEvent(turn, call.name, "started"))
    try:
        with anyio.CancelScope(shield=tool is not None and tool.side_effects):
            step = await _result(call, tool)
    finally:
        steps.append(step)
    await line.send(ToolEvent(turn, call.name, "done" if step.ok else "failed", step.result[:500]))


async def _result(call: ToolCall, tool: Tool | None) -> ToolStep:
    if tool is None:
        return ToolStep(call, f"There is no tool named {call.name}.", ok=False)
    try:
        with anyio.fail_after(LIMIT):
            return ToolStep(call, (await tool(**call.arguments))[:LONGEST_RESULT])
    except TimeoutError:
        return ToolStep(call, f"The tool {call.name} took longer than {LIMIT:.0f} s.", ok=False)
    except NexusError as error:
        return ToolStep(call, error.message, ok=False)
    except Exception as error:  # the model is told, and goes on
        return ToolStep(call, f"The tool {call.name} failed: {type(error).__name__}.", ok=False)
