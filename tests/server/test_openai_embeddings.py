"""`/v1/embeddings`."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import numpy as np
import pytest

from nexus_voice.engines.fake.engines import FakeEmbedder
from serving import Serving


def embed(http: httpx.Client, **fields: Any) -> httpx.Response:
    return http.post("/v1/embeddings", json={"model": "any", **fields})


def test_texts_become_vectors_in_their_order(http: httpx.Client) -> None:
    texts = [f"text number {number}" for number in range(70)]
    body = embed(http, input=texts).json()
    assert (body["object"], body["model"]) == ("list", "fake")
    assert [one["index"] for one in body["data"]] == list(range(70))
    assert {one["object"] for one in body["data"]} == {"embedding"}
    single = embed(http, input=texts[69]).json()["data"][0]["embedding"]
    assert single == body["data"][69]["embedding"]
    assert np.linalg.norm(single) == pytest.approx(1, abs=1e-6)
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] > 70


def test_base64_holds_the_same_floats(http: httpx.Client) -> None:
    fields = {"input": ["to be or not"], "user": "me"}
    plain = embed(http, **fields, encoding_format="float").json()["data"][0]["embedding"]
    packed = embed(http, **fields, encoding_format="base64").json()["data"][0]["embedding"]
    assert np.frombuffer(base64.b64decode(packed), "<f4").tolist() == np.array(plain, np.float32).tolist()


def test_all_texts_go_in_one_call(http: httpx.Client, server: Serving) -> None:
    link, calls = server.state.supply.chains["embedder"].links[0], []

    class Counted(FakeEmbedder):
        async def embed(self, texts: Any, kind: Any) -> Any:
            calls.append((len(texts), kind))
            return await super().embed(texts, kind)

    kept, link.engine = link.engine, Counted()
    try:
        assert embed(http, input=["a", "b", "c"]).status_code == 200
        assert embed(http, input="a", input_type="query", dimensions=64).status_code == 200
    finally:
        link.engine = kept
    assert calls == [(3, "passage"), (1, "query")]


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({}, "input", "bad_request"),
        ({"input": ""}, "input", "invalid_value"),
        ({"input": []}, "input", "invalid_value"),
        ({"input": ["a", ""]}, "input", "invalid_value"),
        ({"input": ["a"] * 2_049}, "input", "invalid_value"),
        ({"input": [1, 2, 3]}, "input", "unsupported_input"),
        ({"input": [[1, 2], [3]]}, "input", "unsupported_input"),
        ({"input": "a", "dimensions": 3}, "dimensions", "invalid_value"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format", "bad_request"),
    ],
)
def test_a_bad_request_is_told_in_openais_shape(
    http: httpx.Client, fields: dict[str, Any], param: str, code: str
) -> None:
    answer = embed(http, **fields)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"].startswith(param)
    assert error["code"] == code
