"""A reranker is pulled while the server runs: what is found comes in its order from then on."""

from pathlib import Path

import httpx
import pytest

from models.hub import serving as serving_hub
from models_tiny.crossencoder import build
from nexus_voice.models import files
from nexus_voice.models.catalogue import named
from nexus_voice.models.download import FromHub
from nexus_voice.models.pull import pull
from serving import Serving, fakes, serving

FEW, MANY = (
    "The pump has a button.",
    "Press the blue button to start the pump, and the red button to stop it.",
)
QUESTION = "where is the pump button"


def found(server: Serving) -> list[str]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        body = client.post("/rag/search", json={"query": QUESTION}).raise_for_status().json()
    return [passage["text"] for passage in body["passages"]]


def test_a_running_server_orders_what_it_finds_by_a_reranker_that_was_pulled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, made = named("ms-marco-minilm-l6-v2"), build(tmp_path / "made")
    settings = fakes(
        tmp_path,
        discovery={"every": 0.05, "local_servers": []},
        reranker={"within": 30.0},
        knowledge={"min_score": 0.0},
    )
    for name, text in (("few.md", FEW), ("many.md", MANY)):
        (tmp_path / "seed" / name).write_text(f"# Pump\n\n{text}\n")
    root = settings.data_dir / "models"
    with serving_hub() as hub, serving(settings) as server:
        hub.repos[model.repo] = {
            "onnx/model.onnx": (made / "model.onnx").read_bytes(),
            "tokenizer.json": (made / "tokenizer.json").read_bytes(),
            "config.json": b"{}",
        }
        hub.commits[model.repo] = "c" * 40
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        assert found(server) == [FEW, MANY]
        pull(model, root, [FromHub()])
        chain = server.state.supply.chains["reranker"]
        assert server.becomes(lambda: bool(chain.links), 60)
        assert found(server) == [MANY, FEW]  # more of its words are the question's
        engines = httpx.get(f"{server.url}/engines", trust_env=False).json()["chains"]
        (shown,) = engines["reranker"]
        assert (shown["name"], shown["state"], shown["why"]) == (model.name, "ready", "its model is pulled")
        files.remove(root, model.name)
        assert server.becomes(lambda: not chain.links, 30)
        assert found(server) == [FEW, MANY]
