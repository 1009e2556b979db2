"""What a model writes for machines is taken out of its answer, and ordinary text is left alone."""

from __future__ import annotations

import pytest

from nexus_voice.core.chat import ToolCall
from nexus_voice.text.model_markup import MAX_CALL_CHARS, Markup
from nexus_voice.text.tool_calls import Offered
from nexus_voice.tools.builtin import Calculator, Clock

OFFERED: Offered = {tool.name: tool.parameters for tool in (Clock(), Calculator())}
CLOCK = '{"name": "current_time", "arguments": {}}'
SUM = '{"name": "calculator", "arguments": {"expression": "2+2"}}'
TIME, ADD = ("current_time", {}), ("calculator", {"expression": "2+2"})


def filtered(text: str, size: int, offered: Offered = OFFERED, *, strict: bool = False) -> tuple[str, list]:
    """(what is shown, what is called) of an answer that comes in pieces of `size` characters."""
    markup = Markup(offered, strict=strict)
    parts: list[str | ToolCall] = []
    for start in range(0, len(text), size):
        parts += markup.feed(text[start : start + size])
    parts += markup.close()
    shown = "".join(part for part in parts if isinstance(part, str))
    return shown, [(part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]


def in_pieces(text: str, offered: Offered = OFFERED, *, strict: bool = False) -> tuple[str, list]:
    """The same however the answer is cut."""
    found = [filtered(text, size, offered, strict=strict) for size in (1, 2, 3, 7, 1_000)]
    assert all(one == found[0] for one in found), text
    return found[0]


@pytest.mark.parametrize(
    ("text", "shown", "calls"),
    [
        (CLOCK, "", [TIME]),
        (SUM, "", [ADD]),
        (f"```json\n{CLOCK}\n```", "", [TIME]),
        (f"```\n{SUM}\n```", "", [ADD]),
        (f"<tool_call>\n{CLOCK}\n</tool_call>", "", [TIME]),
        (f"<tool_call>{CLOCK}</tool_call><tool_call>{SUM}</tool_call>", "", [TIME, ADD]),
        (f"```xml\n<tool_call>{CLOCK}</tool_call>\n```", "", [TIME]),
        (f"[TOOL_CALLS] [{CLOCK}, {SUM}]", "", [TIME, ADD]),
        ("[TOOL_CALLS]current_time{}", "", [TIME]),
        ("<function=current_time>{}</function>", "", [TIME]),
        ("<function=calculator><parameter=expression>2+2</parameter></function>", "", [ADD]),
        ("<|python_tag|>" + CLOCK, "", [TIME]),
        ('{"type": "function", "function": {"name": "calculator", "parameters": {"expression": "2+2"}}}',
         "", [ADD]),
        ('{"tool_calls": [{"name": "calculator", "arguments": "{\\"expression\\": \\"2+2\\"}"}]}', "", [ADD]),
        (f"Let me look. {CLOCK}", "Let me look. ", [TIME]),
        # Calls of no tool, or that do not fit one, or that broke off
        ('{"name": "open_door", "arguments": {}}', "", []),
        ('{"name": "calculator", "arguments": {"expression": 4}}', "", []),
        ('{"name": "calculator", "arguments": {}}', "", []),
        ('<tool_call>{"name": "current_time", "argu', "", []),
        ('{"name": "current_time", "argu', "", []),
        ("Wait <tool_ca", "Wait ", []),
        # Blocks of the prompt
        ('It is <passage id="1" source="A > B">\nSecret.\n</passage>open.', "It is open.", []),
        ('<passages>\n<passage id="1" source="A">\nSecret.\n</passage>\n</passages>Open.', "Open.", []),
        ('Open.<passage id="1" source="A">\nSecret that never ends', "Open.", []),
        ("<context>\nSecret\n</context>Open.</passage>", "Open.", []),
    ],
)  # fmt: skip
def test_what_is_for_machines_is_called_or_dropped(text: str, shown: str, calls: list) -> None:
    assert in_pieces(text) == (shown, calls)


@pytest.mark.parametrize(
    "text",
    [
        "It is 3 < 4, a <b>word</b>, [1] {x} and `{\"name\": 1}`.",
        'Here it is:\n```json\n{"name": "Bob", "age": 3}\n```\nDone.',
        '{"name": "Bob", "age": 3}',
        'So:\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```\nThat is a call.',
        f"```python\nprint({CLOCK})\n```",
        '```html\n<passage id="1">kept</passage>\n```',
        '[{"id": 1}, [2]] and ``` and {"a": {"b": 2}}',
        "The <passage of time> [TOO late] {", "ends with <", "```", "a `b` ``c``",
        '{"name": "' + "x" * MAX_CALL_CHARS + '", "arguments": {}} and more',
    ],
)  # fmt: skip
def test_ordinary_text_and_code_survive(text: str) -> None:
    assert in_pieces(text) == (text, [])


def test_ordinary_text_is_not_delayed() -> None:
    markup = Markup(OFFERED)
    for token in ("The ", "value ", "{", "x} is ", "[", "1] ", "<", "b> ", "``", "x`` ok"):
        markup.feed(token)
    assert markup.feed(" at once") == [" at once"]


def test_a_clients_own_prompt_keeps_all_but_calls_of_its_tools() -> None:
    block = '<passage id="1">kept</passage> {"name": "open_door", "arguments": {}}'
    assert in_pieces(block, strict=True) == (block, [])
    assert in_pieces(f"<tool_call>{CLOCK}</tool_call>", strict=True) == ("", [TIME])
