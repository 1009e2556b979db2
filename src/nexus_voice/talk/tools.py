"""Runs the model's tool calls within a time limit, and records call and result as a pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import anyio
from anyio.abc import TaskGroup

from ..core.chat import ToolCall, ToolStep
from ..core.errors import NexusError
from ..core.events import Tool as ToolEvent
from ..ports import Tool
from .client_line import ClientLine

TOOL_TIMEOUT_S = 15.0
MAX_RESULT_CHARACTERS = 8_000
"""Characters of a result that reach the model."""
MAX_SHOWN_CHARACTERS = 500
"""Characters of a result that are sent to the client."""


async def run(
    call: ToolCall,
    tools: Sequence[Tool],
    turn: int,
    line: ClientLine,
    steps: list[ToolStep],
    conversation: TaskGroup,
) -> None:
    """Run one call and put the pair into `steps`, also when the user interrupts meanwhile.

    A side effect that has started belongs to the conversation, not to the turn: it is finished and
    its true result takes its place in history. Anything else stops at once, as interrupted.
    """
    tool = next((tool for tool in tools if tool.name == call.name), None)
    place = len(steps)
    steps.append(ToolStep(call, "interrupted", ok=False))
    finished = anyio.Event()

    async def work() -> None:
        with anyio.CancelScope(shield=tool is not None and tool.side_effects):
            steps[place] = await _result(call, tool)
        finished.set()

    await line.send(ToolEvent(turn, call.name, "started"))
    if tool is not None and tool.side_effects:
        conversation.start_soon(work)
        await finished.wait()
    else:
        await work()
    step = steps[place]
    status: Literal["done", "failed"] = "done" if step.ok else "failed"
    await line.send(ToolEvent(turn, call.name, status, step.result[:MAX_SHOWN_CHARACTERS]))


async def _result(call: ToolCall, tool: Tool | None) -> ToolStep:
    if tool is None:
        return ToolStep(call, f"There is no tool named {call.name}.", ok=False)
    try:
        with anyio.fail_after(TOOL_TIMEOUT_S):
            return ToolStep(call, (await tool(**call.arguments))[:MAX_RESULT_CHARACTERS])
    except TimeoutError:
        return ToolStep(call, f"The tool {call.name} took longer than {TOOL_TIMEOUT_S:.0f} s.", ok=False)
    except NexusError as error:
        return ToolStep(call, error.message, ok=False)
    except Exception as error:  # the model is told, and goes on
        return ToolStep(call, f"The tool {call.name} failed: {type(error).__name__}.", ok=False)
