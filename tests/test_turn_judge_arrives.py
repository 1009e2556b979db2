"""Smart-turn is pulled while the server runs: turns are judged by sound from then on."""

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving import Serving, fakes, serving
from weights import weights

NAME = "smart-turn-v3.2"


def judges(server: Serving) -> list[Any]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.get("/readyz").status_code == 200, "its absence is no error"
        found: list[Any] = client.get("/engines").json()["chains"]["turn"]
    return found


@pytest.mark.slow
def test_a_running_server_judges_turns_by_a_model_that_was_pulled(tmp_path: Path) -> None:
    settings = fakes(tmp_path, discovery={"every": 0.05, "local_servers": []})
    with serving(settings) as server:
        chain = server.state.supply.chains["turn"]
        assert judges(server) == []
        models = settings.data_dir / "models"
        shutil.copytree(weights(NAME), models / f"{NAME}.part")
        (models / f"{NAME}.part").rename(models / NAME)
        assert server.becomes(lambda: bool(chain.links), 60)
        (shown,) = judges(server)
        assert (shown["kind"], shown["state"], shown["why"]) == ("smart_turn", "ready", "its model is pulled")
        shutil.rmtree(models / NAME)
        assert server.becomes(lambda: not chain.links, 30)
        assert judges(server) == []
