"""`/metrics`, read back with Prometheus' own parser."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nexus_voice.core import events
from nexus_voice.core.chat import Usage
from nexus_voice.server.voice.admission import VoiceAdmission
from nexus_voice.telemetry.metrics import Metrics
from serving import Serving, fakes, serving

from .caller import Caller

Labels = tuple[tuple[str, str], ...]


def figures(text: str) -> dict[str, dict[Labels, float]]:
    """Sample -> value by labels; a sample that comes twice fails."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), sample
            found[sample.name][labels] = sample.value
    return found


def look(server: Serving) -> dict[str, dict[Labels, float]]:
    answer = httpx.get(f"{server.url}/metrics", trust_env=False)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return figures(answer.text)


@pytest.fixture
def fresh(tmp_path: Path) -> Serving:  # type: ignore[misc]
    with serving(fakes(tmp_path, limits={"sessions": 1})) as server:
        yield server


def test_turns_are_counted_and_timed_by_voice_and_by_chat(fresh: Serving) -> None:
    before = look(fresh)
    assert before["nexus_turns_total"][(("outcome", "done"),)] == 0
    with Caller(fresh.socket) as caller:
        caller.hello()
        caller.turn("hello")
        during = look(fresh)
        assert during["nexus_voice_sessions"][()] == 1
        with Caller(fresh.socket) as other:
            assert other.error() == "busy"
    httpx.post(f"{fresh.url}/chat", json={"text": "hello"}, trust_env=False)
    after = look(fresh)
    assert after["nexus_turns_total"] == {
        (("outcome", "done"),): 2,
        (("outcome", "interrupted"),): 0,
        (("outcome", "failed"),): 0,
    }
    stages = after["nexus_turn_stage_seconds_count"]
    assert stages[(("stage", "llm_first_token"),)] == 2
    assert stages[(("stage", "first_audio_sent"),)] == 1
    assert after["nexus_turn_stage_seconds_sum"][(("stage", "llm_first_token"),)] < 20
    assert after["nexus_voice_sessions_refused_total"][()] == 1


def test_answers_begun_ahead_are_counted(fresh: Serving) -> None:
    drafts = fresh.state.engines.drafts
    quiet = look(fresh)["nexus_speculations_total"]
    assert quiet == {(("event", event),): 0 for event in ("started", "used", "discarded")}
    drafts.started, drafts.used, drafts.discarded = 3, 2, 1
    drafts.prompt_tokens, drafts.completion_tokens = 900, 20
    found = look(fresh)
    assert [found["nexus_speculations_total"][key] for key in quiet] == [3, 2, 1]
    tokens = found["nexus_speculation_tokens_discarded_total"]
    assert tokens == {(("kind", "prompt"),): 900, (("kind", "completion"),): 20}


def test_engines_show_their_breakers_and_switches(fresh: Serving) -> None:
    link = fresh.state.supply.chains["tts"].links[0]
    fake = (("engine", "fake"), ("port", "tts"))
    quiet = look(fresh)
    assert quiet["nexus_engine_ready"][fake] == 1
    assert quiet["nexus_engine_breaker"][(*fake, ("state", "closed"))] == 1
    fresh.inside(lambda: [link.breaker.failed(ValueError("x")) for _ in range(3)])
    link.switches = 4
    failed = look(fresh)
    states = {
        state: failed["nexus_engine_breaker"][(*fake, ("state", state))] for state in ("closed", "open")
    }
    assert states == {"closed": 0, "open": 1}
    assert failed["nexus_engine_switches_total"][fake] == 4


def test_tokens_are_shown_as_the_provider_counts(fresh: Serving) -> None:
    llm = fresh.state.supply.chains["llm"].links[0].engine
    assert not look(fresh).get("nexus_engine_tokens_total")
    llm.usage = Usage(900, 80)
    tokens = look(fresh)["nexus_engine_tokens_total"]
    assert sorted(tokens.values()) == [80, 900]
    shown = httpx.get(f"{fresh.url}/engines", trust_env=False).json()["chains"]["llm"][0]
    assert shown["usage"] == {"prompt": 900, "completion": 80}
    del llm.usage


def test_model_requests_are_counted(fresh: Serving) -> None:
    def post(**order: object) -> None:
        httpx.post(f"{fresh.url}/v1/audio/speech", json=order, trust_env=False, timeout=20)

    post(input="Hello there.", response_format="pcm")
    post(input="...")
    after = look(fresh)
    requests = after["nexus_model_requests_total"]
    assert requests[(("outcome", "ok"), ("port", "tts"))] == 1
    assert requests[(("outcome", "bad_input"), ("port", "tts"))] == 1
    assert after["nexus_model_request_seconds_count"][(("port", "tts"),)] == 1
    assert after["nexus_model_requests_active"][(("port", "llm"),)] == 0


def test_the_process_and_its_loop_are_watched(fresh: Serving) -> None:
    assert fresh.becomes(lambda: fresh.state.admission.lag_at(0.5) > 0)
    found = look(fresh)
    assert found["process_resident_memory_bytes"][()] > 1e6
    lag = found["nexus_event_loop_lag_seconds"]
    assert 0 < lag[(("quantile", "0.5"),)] <= lag[(("quantile", "0.99"),)]
    assert found["nexus_ready"][()] == 1
    assert next(iter(found["nexus_info"]))[0] == ("role", "all")


def test_every_server_has_figures_of_its_own() -> None:
    one, other = Metrics(), Metrics()
    one.note(events.Ended(1, "done", ""))
    one.note(events.Metrics(1, {"stt": 250.0}))
    assert figures(one.text().decode())["nexus_turns_total"][(("outcome", "done"),)] == 1
    assert figures(other.text().decode())["nexus_turns_total"][(("outcome", "done"),)] == 0
    assert figures(one.text().decode())["nexus_turn_stage_seconds_sum"][(("stage", "stt"),)] == 0.25


def test_lag_is_that_of_the_latest_samples() -> None:
    admission = VoiceAdmission(1, 0.1)
    assert admission.lag_at(0.99) == 0
    for milliseconds in range(1_000):
        admission.note_lag(milliseconds / 1e3)
    assert admission.lag_at(0.5) == 0.7  # of 400 to 999
    assert admission.lag_at(0.99) == 0.994
    assert admission.lag == 0.99  # of the last hundred
