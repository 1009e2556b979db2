"""docs/services.md lists the roles, addresses and figures that there are."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nexus_voice.core.chat import Usage
from nexus_voice.server.roles import Role
from serving import Serving, fakes, serving

PAGE = (Path(__file__).parents[1] / "docs" / "services.md").read_text()


def test_every_role_is_documented_and_no_other() -> None:
    table = PAGE.split("| Role |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [role.value for role in Role]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Serving:  # type: ignore[misc]
    with serving(fakes(tmp_path_factory.mktemp("services"))) as running:
        yield running


def test_every_figure_is_documented_with_its_labels(server: Serving) -> None:
    rows = re.findall(r"^\| `(nexus_\w+)` \| (.*?)\|", PAGE, re.MULTILINE)
    documented = {name.removesuffix("_total"): set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    httpx.post(f"{server.url}/chat", json={"text": "hello"}, trust_env=False)
    httpx.post(f"{server.url}/v1/embeddings", json={"input": "hello"}, trust_env=False)
    server.state.engines.llm.current.usage = Usage(9, 3)  # type: ignore[attr-defined]
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    found = {
        family.name: {label for sample in family.samples for label in sample.labels} - {"le"}
        for family in text_string_to_metric_families(text)
        if family.name.startswith("nexus_") and not family.name.endswith("_created")
    }
    assert found == documented


def test_every_openai_address_is_documented(server: Serving) -> None:
    paths = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()["paths"]
    assert [path for path in paths if path.startswith("/v1/") and "{" not in path and path not in PAGE] == []


def test_every_address_below_rag_is_documented(server: Serving) -> None:
    page = (Path(__file__).parents[1] / "docs" / "protocol.md").read_text()
    paths = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()["paths"]
    calls = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/rag/")
    }
    assert calls == set(re.findall(r"^\| `(\w+ /rag/[^`]*)` \|", page, re.MULTILINE))
