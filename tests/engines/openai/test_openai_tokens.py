"""Counting tokens with a server's own tokenizer: llama-server's way, vLLM's way, and servers without."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nexus_voice.core.errors import EngineError
from nexus_voice.engines.chain.fallback import Fallback
from nexus_voice.engines.fake.engines import FakeLlm
from nexus_voice.engines.openai.llm import OpenAiLlm
from openai_server import OpenAiServer, Reply, Request, refusal, serving

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]


class Tokenizing(OpenAiServer):
    """A token a letter, asked as `kind` is."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def _reply(self, request: Request) -> Reply:
        if request.path != "/tokenize" or self.replies:
            return super()._reply(request)
        body: Any = request.body
        if self.kind == "llama" and "content" in body:
            tokens = [token for one in body["content"] for token in ([one] if one == -1 else map(ord, one))]
            return said({"tokens": tokens})
        if self.kind == "vllm" and "prompt" in body:
            assert body["model"] == "m"
            tokens = list(map(ord, body["prompt"]))
            return said({"count": len(tokens), "max_model_len": 4096, "tokens": tokens})
        if self.kind == "page":
            return Reply([b"<!doctype html>"], type="text/html")
        return refusal(404 if self.kind == "none" else 422, "What is this?")


def said(body: Any) -> Reply:
    return Reply([json.dumps(body).encode()], type="application/json")


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Tokenizing]:
    async with serving(Tokenizing(request.param)) as server:
        yield server


@pytest.mark.parametrize(("server", "requests"), [("llama", 1), ("vllm", 3)], indirect=["server"])
async def test_texts_are_counted_as_the_server_does_it(server: Tokenizing, requests: int) -> None:
    async with OpenAiLlm(server.url, model="m") as llm:
        assert await llm.tokens(["pump", "", "filter"]) == [4, 0, 6]
        before = len(server.posts)
        assert await Fallback(llm).tokens(["a", "bc", "def"]) == [1, 2, 3]
        assert len(server.posts) == before + requests


@pytest.mark.parametrize("server", ["none", "page"], indirect=True)
async def test_a_server_without_a_tokenizer_is_tried_once_with_nothing_of_the_users(
    server: Tokenizing,
) -> None:
    async with OpenAiLlm(server.url, model="m") as llm:
        for _ in range(3):
            with pytest.raises(EngineError) as caught:
                await llm.tokens(["a secret"])
            assert caught.value.code == "no_tokenizer"
    assert 0 < len(server.posts) <= 2
    assert "secret" not in str([post.body for post in server.posts])


@pytest.mark.parametrize("server", ["llama"], indirect=True)
async def test_a_temporary_error_does_not_mean_that_there_is_no_tokenizer(server: Tokenizing) -> None:
    server.replies.append(refusal(503, "Loading the model."))
    async with OpenAiLlm(server.url, model="m") as llm:
        with pytest.raises(EngineError) as caught:
            await llm.tokens(["pump"])
        assert caught.value.code == "llm_unavailable"
        assert await llm.tokens(["pump"]) == [4]


@pytest.mark.parametrize("server", ["vllm"], indirect=True)
async def test_one_text_that_fails_fails_all(server: Tokenizing) -> None:
    async with OpenAiLlm(server.url, model="m") as llm:
        await llm.tokens(["pump"])
        server.replies.append(refusal(500, "Out of memory."))
        with pytest.raises(EngineError) as caught:
            await llm.tokens(["pump", "filter"])
        assert caught.value.code == "llm_unavailable"


async def test_a_chain_whose_model_does_not_count_says_so() -> None:
    with pytest.raises(EngineError) as caught:
        await Fallback(FakeLlm("hello")).tokens(["pump"])
    assert caught.value.code == "no_tokenizer"
