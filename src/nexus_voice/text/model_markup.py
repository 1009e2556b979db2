"""Takes out of an answer what a model writes for machines, while it is still being written.

Small models write tool calls as text, in many forms, and copy blocks of their prompt. Calls that fit a tool
are run, and the rest of this is dropped: none of it is shown or spoken. Ordinary text passes at once, and so
does code that is none of this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..core.chat import ToolCall
from .tool_calls import Offered, fitting, looks_like_call, written

MAX_CALL_CHARS = 4_000
"""Of a tool call; a longer one between tags is dropped, longer JSON is text."""
MAX_HEAD_CHARS = 64
"""Characters after an opening sign that are looked at to tell what begins there."""

MIN_TAG_CHARS = 2
"""An answer that breaks off in a tag loses what there is of it, if that is longer."""

_TAGS = {
    "<tool_call": "</tool_call>", "<function=": "</function>", "<|tool_call|>": "<|/tool_call|>",
    "<|python_tag|>": "\n", "[TOOL_CALLS]": "\n", "<tool_response": "</tool_response>",
    "<passages>": "</passages>", "<passage id=": "</passage>", "<context>": "</context>",
    "</passages>": "", "</passage>": "", "</context>": "", "</tool_call>": "", "</function>": "",
}  # fmt: skip
"""How a block begins -> how it ends; nothing for the end of one whose beginning was not seen."""
_CALL_TAG = "<tool_call>"
_OF_PROMPT = ("<passages>", "<passage id=", "<context>", "</passages>", "</passage>", "</context>")
"""Tags of our prompts, which may be anything in an answer to a client's own."""
_KEYS = (
    "name", "function", "tool", "tool_name", "type", "tool_calls", "tool_call", "arguments", "parameters",
)  # fmt: skip
_OPENERS = ['{"' + key + '":' for key in _KEYS]
_STARTS = [*_OPENERS, *("[" + one for one in _OPENERS)]
_SIGN = re.compile(r"[<\[{]|```")
_FENCE_HEAD = re.compile(r"```[\w+-]{0,20}[ \t]*\n?\s{0,20}")
_SPACES = re.compile(r"\s+")

Kind = Literal["tag", "json", "fence"]
Verdict = Literal["wait", "text"] | Kind


@dataclass(slots=True)
class _Block:
    """What is being collected, until its end."""

    kind: Kind
    end: str
    text: list[str] = field(default_factory=list)
    length: int = 0
    tail: str = ""
    """The last characters, in which an end may have begun."""
    depth: int = 0
    in_string: bool = False
    escaped: bool = False


class Markup:
    """Give it the tokens of an answer; it gives back the text for people and the calls of `offered` tools.

    `strict` is for an answer that is not ours to change: only calls of offered tools are taken out of it.
    The time is linear, and no more than `MAX_CALL_CHARS` are held.
    """

    def __init__(self, offered: Offered, *, strict: bool = False) -> None:
        self._offered, self._strict = offered, strict
        self._held = ""
        self._block: _Block | None = None
        self._in_fence = False
        self._said = False
        self._last = ""

    def feed(self, token: str) -> list[str | ToolCall]:
        self._held += token
        return list(self._parts())

    def close(self) -> list[str | ToolCall]:
        """What is left when the answer has ended."""
        found: list[str | ToolCall] = []
        if block := self._block:
            self._block = None
            text = "".join(block.text)
            found += self._finished(block, text, whole=False)
        rest, self._held = self._held, ""
        cut_off = len(rest) > MIN_TAG_CHARS and any(tag.startswith(rest) for tag in _TAGS)
        if not cut_off or self._strict:
            found += self._plain(rest)
        return found

    # --- text ----------------------------------------------------------------------------------------

    def _parts(self) -> Iterator[str | ToolCall]:
        while self._held:
            if self._block:
                done = self._collect(self._block)
                if done is None:
                    return
                yield from done
                continue
            sign = self._next_sign()
            if sign < 0:
                return
            if sign:
                yield from self._plain(self._held[:sign])
                self._held = self._held[sign:]
                continue
            verdict, length, end = self._begins()
            if verdict == "wait":
                return
            if verdict == "text":
                yield from self._plain(self._held[:length])
                self._held = self._held[length:]
            else:
                self._block = _Block(verdict, end)

    def _next_sign(self) -> int:
        """Where something may begin; the whole length if nowhere, and -1 if the end has to wait."""
        if self._in_fence:
            at = self._held.find("```")
            if at >= 0:
                return at
            return self._before_ticks()
        found = _SIGN.search(self._held)
        if found:
            return found.start()
        return self._before_ticks()

    def _before_ticks(self) -> int:
        """Where the backticks at the end begin, of which more may come; -1 if there is nothing else."""
        ticks = len(self._held) - len(self._held.rstrip("`"))
        return (len(self._held) - ticks) or -1

    def _begins(self) -> tuple[Verdict, int, str]:
        """What begins at the start of what is held, how long its sign is, and how a block of it ends."""
        held = self._held[:MAX_HEAD_CHARS]
        if held.startswith("```"):
            return self._fence(held)
        if held[0] in "<[":
            for tag, end in _TAGS.items():
                if held.startswith(tag) and not (self._strict and tag in _OF_PROMPT):
                    return "tag", len(tag), end or ">"
            if any(tag.startswith(held) for tag in _TAGS):
                return "wait", 0, ""
        if held[0] in "{[" and not (self._last and (self._last.isalnum() or self._last in "`_")):
            json = self._json(held)
            if json != "text":
                return json, 1, ""
        return "text", 1, ""

    def _json(self, held: str) -> Verdict:
        bare = _SPACES.sub("", held)
        if any(bare.startswith(start) for start in _STARTS):
            return "json"
        begun = len(held) < MAX_HEAD_CHARS and any(start.startswith(bare) for start in _STARTS)
        return "wait" if begun else "text"

    def _fence(self, held: str) -> tuple[Verdict, int, str]:
        if self._in_fence:
            self._in_fence = False
            return "text", 3, ""
        head = _FENCE_HEAD.match(held)
        assert head
        rest = held[head.end() :]
        if not rest and len(held) < MAX_HEAD_CHARS:
            return "wait", 0, ""
        verdict = self._json(rest) if rest[:1] in ("{", "[") else "text"
        if verdict == "wait":
            return "wait", 0, ""
        if verdict == "json":
            return "fence", head.end(), "```"
        if _CALL_TAG.startswith(rest):
            return "wait", 0, ""
        if rest.startswith(_CALL_TAG) and not self._strict:
            return "fence", head.end(), "```"
        self._in_fence = True
        return "text", head.end(), ""

    def _plain(self, text: str) -> Iterator[str]:
        if text:
            self._said = self._said or not text.isspace()
            self._last = text[-1]
            yield text

    # --- blocks --------------------------------------------------------------------------------------

    def _collect(self, block: _Block) -> list[str | ToolCall] | None:
        """Take what is held into the block. None if its end has not come, else what it gives."""
        new, self._held = self._held, ""
        end = self._json_end(block, new) if block.kind == "json" else self._end(block, new)
        taken = new if end < 0 else new[:end]
        block.length += len(taken)
        if block.length <= MAX_CALL_CHARS:
            block.text.append(taken)
        elif block.kind != "tag":  # too long for a call: it was text all the time
            self._block = None
            self._held = new[len(taken) :]
            self._in_fence = block.kind == "fence" and end < 0
            return list(self._plain("".join(block.text) + taken))
        if end < 0:
            return None
        self._held, self._block = new[end:], None
        return self._finished(block, "".join(block.text), whole=True)

    def _end(self, block: _Block, new: str) -> int:
        """Where in `new` the block is over, or -1."""
        begin = 3 if block.kind == "fence" and not block.length else 0
        text = block.tail + new
        at = text.find(block.end, begin)
        if at >= 0:
            return at + len(block.end) - len(block.tail)
        keep = len(block.end) - 1
        block.tail = text[-keep:] if keep else ""
        return -1

    def _json_end(self, block: _Block, new: str) -> int:
        for at, sign in enumerate(new):
            if block.escaped:
                block.escaped = False
            elif block.in_string:
                block.escaped = sign == "\\"
                block.in_string = sign != '"'
            elif sign == '"':
                block.in_string = True
            elif sign in "{[":
                block.depth += 1
            elif sign in "}]":
                block.depth -= 1
                if block.depth <= 0:
                    return at + 1
        return -1

    def _finished(self, block: _Block, text: str, whole: bool) -> list[str | ToolCall]:
        """The calls in a block, or its text where it is nothing of a machine's."""
        body = text
        if block.kind == "fence":
            head = _FENCE_HEAD.match(text)
            body = text[head.end() if head else 0 :].removesuffix("```").strip()
            if body.startswith(_CALL_TAG):
                body = _inside(body, _TAGS["<tool_call"])
        elif block.kind == "tag":
            body = _inside(text, block.end)
        found = written(body)
        calls = [call for one in found if (call := fitting(one, self._offered))]
        if calls:
            return [*calls]
        named = any(name in self._offered for name, _ in found)
        if block.kind == "tag" and not self._strict:
            return []
        machine = named or bool(found) or (not whole and looks_like_call(body, self._offered))
        asked_for = block.kind == "fence" and self._said and not named
        if machine and not asked_for and not self._strict:
            return []
        return list(self._plain(text))


def _inside(text: str, end: str) -> str:
    """The content between the tags of a block; blocks that name their function keep them."""
    if text.startswith("<function="):
        return text
    for tag in _TAGS:
        if text.startswith(tag):
            rest = text[len(tag) :]
            return (rest[1:] if rest.startswith(">") else rest).removesuffix(end).strip()
    return text
