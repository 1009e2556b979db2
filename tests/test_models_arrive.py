"""A model is pulled while people talk: the running server uses it from the next turn on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import clips
from models.hub import serving as serving_hub
from models_tiny.whisper import tiny_whisper
from nexus_voice.models import files
from nexus_voice.models.catalogue import named
from nexus_voice.models.download import FromHub
from nexus_voice.models.pull import pull
from server.caller import Caller
from serving import Serving, fakes, serving
from weights import put_weights

pytestmark = pytest.mark.slow

SENTENCE = "what is the refund policy"


def spoken_turn(caller: Caller) -> tuple[str, dict[str, str]]:
    """(what was understood, engine by port) of a question said aloud."""
    sound = clips.join(clips.say("how long do refunds take"), clips.noise(1.2, -65))
    for at in range(0, len(sound.data), 3200):
        caller.socket.send(sound.data[at : at + 3200])
    final = caller.until("final")
    engines = caller.until("metrics")["engines"]
    assert caller.until("ended")["outcome"] == "done"
    return final["text"], engines


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A model hub that has the catalogue's smallest recogniser, with tiny weights."""
    made = tiny_whisper(tmp_path / "made", SENTENCE)
    tokens = json.loads((made / "vocabulary.json").read_bytes())
    (made / "vocabulary.txt").write_text("".join(f"{token}\n" for token in tokens))
    model = named("whisper-tiny")
    with serving_hub() as hub:
        hub.repos[model.repo] = {path: (made / path).read_bytes() for path in model.files}
        hub.commits[model.repo] = "c" * 40
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield


def test_the_server_outlives_its_last_recogniser(tmp_path: Path, hub: None) -> None:
    """The settings name an engine that can no longer be made: what is loaded stays, all else goes on."""
    settings = fakes(
        tmp_path,
        stt={"kind": "whisper"},
        fallback={"enabled": False},
        discovery={"every": 0.05, "local_servers": []},
    )
    root = settings.data_dir / "models"
    pull(named("whisper-tiny"), root, [FromHub()])
    with serving(settings) as server, Caller(server.socket) as caller:
        caller.hello()
        files.remove(root, "whisper-tiny")
        for _ in range(5):  # each takes several looks at what there is
            caller.turn("are you still there")
        assert server.state.engines.stt.name == "faster-whisper:tiny"


def test_an_address_that_is_none_does_not_end_the_server(tmp_path: Path) -> None:
    settings = fakes(
        tmp_path,
        llm={"kind": "auto"},
        discovery={"every": 0.05, "local_servers": ["http://[", "http://a:b:c/v1", "ftp://x/", "\0"]},
    )
    with serving(settings) as server, Caller(server.socket) as caller:
        caller.hello()
        assert caller.turn("are you still there")["outcome"] == "done"


def test_a_running_server_takes_a_better_recogniser_and_gives_it_back(tmp_path: Path, hub: None) -> None:
    model = named("whisper-tiny")
    settings = fakes(
        tmp_path,
        vad={"kind": "silero"},
        turn={"kind": "off"},
        stt={"kind": "auto", "workers": 1},
        discovery={"every": 0.05, "local_servers": []},
    )
    root = settings.data_dir / "models"
    with serving(settings) as server, Caller(server.socket) as caller:
        caller.hello()
        before = page(server)
        assert [one["command"] for one in before["better"]] == ["nexus-voice models pull"]
        assert spoken_turn(caller)[1]["stt"] == "pocketsphinx"

        pull(model, root, [FromHub()])
        assert server.becomes(lambda: "whisper" in server.state.engines.stt.name, 60)
        assert spoken_turn(caller) == (SENTENCE, {**before["using"], "stt": "faster-whisper:tiny"})
        after = page(server)
        assert not after["better"]
        assert [one["kind"] for one in after["chains"]["stt"]] == ["whisper", "pocketsphinx"]
        assert after["chains"]["stt"][0]["why"] == "its model is pulled"

        files.remove(root, model.name)
        assert server.becomes(lambda: server.state.engines.stt.name == "pocketsphinx", 30)
        assert spoken_turn(caller)[1]["stt"] == "pocketsphinx"


def test_a_recogniser_that_is_slow_here_gives_way_to_a_quicker_one(tmp_path: Path) -> None:
    """Base is measured when everything is loaded, and hears until the other model is loaded as well."""
    settings = fakes(tmp_path, stt={"kind": "whisper"}, discovery={"every": 0, "local_servers": []})
    put_weights(settings.data_dir, "whisper-base", "whisper-tiny.en")
    with serving(settings) as server:
        assert server.becomes(lambda: server.state.costs.get("whisper-base", 0) > 0, 60)

        def make_slow() -> None:  # whatever this machine is
            server.state.costs["whisper-base"] = 9.0
            server.state.look_again.set()

        server.inside(make_slow)
        assert server.becomes(lambda: server.state.engines.stt.name == "faster-whisper:tiny.en", 60)
        assert server.becomes(lambda: server.state.costs.get("whisper-tiny.en", 0) > 0, 60)
        assert server.becomes(lambda: len(server.state.supply.chains["stt"].links) == 2, 60)
        first, behind = page(server)["chains"]["stt"]  # type: ignore[index]
        assert first["why"] == "a decode of whisper-base takes 9.00 s here, more than 0.25 s"
        assert behind["kind"] == "pocketsphinx"


def page(server: Serving) -> dict[str, object]:
    body: dict[str, object] = httpx.get(f"{server.url}/engines", trust_env=False).json()
    return body
