"""A model that may only chat stands behind what quotes documents, and sees neither passages nor tools."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from nexus_voice.core.chat import Cited, Generated, Passage, Prompt, Skill
from nexus_voice.engines.chain.fallback import Fallback
from nexus_voice.engines.extractive.llm import ExtractiveLlm
from nexus_voice.models.skills import skill
from nexus_voice.ports import Tool
from nexus_voice.tools.builtin import Clock

pytestmark = pytest.mark.anyio

PORT = Passage("The web page has the port 8080.", "d", "Configuration", score=0.9)
ASKED = Prompt("Which port has the web page?", passages=(PORT,))
CHAT = Prompt("Tell me a joke about penguins.", passages=(PORT,))


@dataclass(eq=False)
class Small:
    """A model of some name, which records what it is given."""

    known_model: str = "qwen2.5:0.5b"
    name: str = "small"
    given: list[tuple[Prompt, int]] = field(default_factory=list)

    async def model(self, prompt: Prompt) -> str:
        return self.known_model

    async def stream(self, prompt: Prompt, tools: Sequence[Tool] = ()) -> AsyncIterator[Generated]:
        self.given.append((prompt, len(tools)))
        yield "A penguin walks into a bar."


async def told(chain: Fallback, prompt: Prompt) -> list[Generated]:
    return [piece async for piece in chain.stream(prompt, [Clock()])]


async def test_what_documents_answer_is_quoted_and_the_rest_is_chatted() -> None:
    small = Small()
    chain = Fallback(small, ExtractiveLlm(), skill=skill)
    quoted = await told(chain, ASKED)
    assert quoted[0] == Cited((PORT,))
    assert "8080." in "".join(piece for piece in quoted if isinstance(piece, str))
    assert await told(chain, replace(ASKED, question="what is twelve times nine"))
    assert small.given == []
    assert await told(chain, CHAT) == [Cited((), quoted=False), "A penguin walks into a bar."]
    assert small.given == [(replace(CHAT, passages=()), 0)]
    assert chain.status()[0]["may"] == "chat"
    assert "may" not in chain.status()[1]


@pytest.mark.parametrize(
    ("model", "may", "tools"), [("gemma2:2b", "passages", 0), ("llama3.2:3b", "tools", 1), ("", "tools", 1)]
)
async def test_a_larger_model_gets_passages_and_perhaps_tools(model: str, may: Skill, tools: int) -> None:
    small = Small(model)
    assert await told(Fallback(small, ExtractiveLlm(), skill=skill), ASKED) == ["A penguin walks into a bar."]
    assert small.given == [(ASKED, tools)]
    assert skill(model) == may


async def test_a_clients_own_prompt_goes_to_the_model_as_it_is() -> None:
    small, theirs = Small(), replace(ASKED, ours=False)
    await told(Fallback(small, ExtractiveLlm(), skill=skill), theirs)
    assert small.given == [(theirs, 1)]
