"""Which engines are chosen, and in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nexus_voice.core.errors import BadInput
from nexus_voice.settings import Settings
from nexus_voice.supply.choices import available, choices
from nexus_voice.supply.offers import Choice, Found

MODELS = Found(
    {
        "whisper": {"whisper-base.en": Path("m/base"), "whisper-small": Path("m/small")},
        "llamacpp": {"qwen": Path("m/qwen.gguf")},
        "piper": {"en_US-amy": Path("m/amy.onnx"), "de_DE-eva": Path("m/eva.onnx")},
        "e5": {"e5-small-v2": Path("m/e5")},
        "smart_turn": {"smart-turn-v3.2": Path("m/turn.onnx")},
        "crossencoder": {"ms-marco-minilm-l6-v2": Path("m/reranker")},
    }
)


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[call-arg]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEEPGRAM", "GOOGLE", "GEMINI", "GROQ", "OPENAI", "CARTESIA", "TAVILY"):
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)


def named(port: str, found: Found = Found(), **given: Any) -> list[str]:  # noqa: B008 - frozen
    return [label(choice) for choice in choices(port, settings(**given), found)]


def label(choice: Choice) -> str:
    return str(choice.arguments.get("provider") or choice.kind)


@pytest.mark.parametrize(
    ("port", "chain"),
    [
        ("stt", ["pocketsphinx"]),
        ("llm", ["extractive"]),
        ("tts", ["espeak"]),
        ("embedder", ["minilm"]),
        ("reranker", []),
        ("turn", []),
        ("search", []),
    ],
)
def test_without_keys_servers_and_models_the_embedded_engine_is_chosen(port: str, chain: list[str]) -> None:
    assert named(port) == chain


@pytest.mark.parametrize(
    ("port", "keys", "chain"),
    [
        ("stt", ["deepgram", "google"], ["deepgram", "google", "pocketsphinx"]),
        ("llm", ["groq", "gemini"], ["groq", "gemini", "extractive"]),
        ("tts", ["cartesia", "deepgram"], ["cartesia", "deepgram", "espeak"]),
        ("llm", ["openai"], ["openai", "extractive"]),
        ("stt", ["openai", "groq"], ["groq", "openai", "pocketsphinx"]),
        ("tts", ["groq"], ["espeak"]),
        ("search", ["tavily"], ["tavily"]),
    ],
)
def test_chains_are_made_by_setting_the_keys_alone(
    port: str, keys: list[str], chain: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in keys:
        monkeypatch.setenv(f"{key.upper()}_API_KEY", "k")
    assert named(port) == chain


def test_groq_has_a_large_model_and_a_small_one_for_faster() -> None:
    first = choices("llm", settings(groq_api_key="k"))[0]
    assert "70b" in first.arguments["model"]
    assert "8b" in first.arguments["small_model"]
    assert first.why == "GROQ_API_KEY is set"
    assert "'k'" not in repr(first)


def test_the_order_is_settings_keys_local_servers_models_embedded() -> None:
    found = Found(MODELS.models, ("http://127.0.0.1:11434/v1",))
    chain = choices(
        "llm", settings(llm={"base_url": "http://box:9/v1", "model": "m"}, gemini_api_key="k"), found
    )
    assert [choice.why for choice in chain] == [
        "NEXUS_LLM__BASE_URL is set",
        "GEMINI_API_KEY is set",
        "answers on this machine",
        "its model is pulled",
        "needs no key and no download",
    ]
    assert chain[0].arguments["model"] == "m"
    assert chain[2].arguments["model"] == "", "the named model is the named server's"
    assert [choice.embedded for choice in chain] == [False] * 4 + [True]


def test_nothing_leaves_the_machine_behind_an_engine_that_was_named() -> None:
    given = {"stt": {"kind": "deepgram"}, "deepgram_api_key": "k", "google_api_key": "k"}
    assert named("stt", MODELS, **given) == ["deepgram", "whisper", "pocketsphinx"]
    assert named("stt", MODELS, stt={"kind": "pocketsphinx"}, google_api_key="k") == ["pocketsphinx"]
    assert named("stt", MODELS, stt={"kind": "fake"}) == ["fake"]


def test_a_reranker_is_used_where_its_model_is_pulled() -> None:
    assert named("reranker", MODELS) == named("reranker", MODELS, reranker={"kind": "crossencoder"})
    assert named("reranker", MODELS) == ["crossencoder"]
    assert named("reranker", MODELS, reranker={"kind": "off"}) == []


def test_turns_are_judged_by_sound_where_the_model_is_pulled() -> None:
    assert named("turn", MODELS) == named("turn", MODELS, turn={"kind": "smart_turn"}) == ["smart_turn"]
    assert named("turn", MODELS, turn={"kind": "off"}) == []


def test_without_fallback_there_is_only_the_first() -> None:
    assert named("stt", MODELS, fallback={"enabled": False}) == ["whisper"]


def test_the_settings_may_name_a_whole_chain() -> None:
    given = {"tts": {"kind": "piper, espeak"}}
    assert named("tts", MODELS, **given) == ["piper", "espeak"]


@pytest.mark.parametrize(
    ("port", "kind", "hint"),
    [
        ("stt", "deepgram", "DEEPGRAM_API_KEY"),
        ("llm", "llamacpp", "models pull"),
        ("search", "searxng", "NEXUS_SEARCH__BASE_URL"),
        ("reranker", "crossencoder", "models pull ms-marco-minilm-l6-v2"),
        ("turn", "smart_turn", "models pull smart-turn-v3.2"),
        ("tts", "parrot", "Choices: auto, cartesia"),
    ],
)
def test_a_named_engine_that_cannot_be_made_says_what_it_needs(port: str, kind: str, hint: str) -> None:
    chain = choices(port, settings(**{port: {"kind": kind}}))
    assert hint in chain[0].missing
    with pytest.raises(BadInput, match=hint):
        available(chain)


def test_a_named_engine_whose_model_was_removed_falls_back_to_the_embedded_one() -> None:
    chosen = settings(stt={"kind": "whisper"})
    before, after = choices("stt", chosen, MODELS), choices("stt", chosen, Found())
    assert [(one.kind, one.missing) for one in before] == [("whisper", ""), ("pocketsphinx", "")]
    assert [one.kind for one in after] == ["whisper", "pocketsphinx"]
    assert "nexus-voice models pull whisper-base" in after[0].missing
    assert not after[1].missing
    assert before[0] != after[0]


def test_a_malformed_server_address_is_shown_behind_the_engines_that_work() -> None:
    chain = choices("llm", settings(), Found(refused={"http://[::1": "No address."}))
    assert [one.kind for one in chain] == ["extractive", "openai"]
    assert chain[1].missing == "No address."


def test_openai_means_the_named_server_or_openai_or_the_usual_local_one() -> None:
    def url(**given: Any) -> str:
        return str(choices("llm", settings(**given))[0].arguments["base_url"])

    assert url(llm={"kind": "openai", "base_url": "http://box/v1"}, openai_api_key="k") == "http://box/v1"
    assert url(llm={"kind": "openai"}, openai_api_key="k") == "https://api.openai.com/v1"
    assert url(llm={"kind": "openai"}) == "http://127.0.0.1:11434/v1"


def test_pulled_models_are_chosen_by_name_or_preference() -> None:
    assert choices("stt", settings(), MODELS)[0].arguments["path"] == Path("m/base")
    chosen = settings(stt={"model": "whisper-small"}, tts={"voice": "de_DE-eva"})
    assert choices("stt", chosen, MODELS)[0].arguments["path"] == Path("m/small")
    voice = choices("tts", chosen, MODELS)[0]
    assert voice.arguments["path"] == Path("m/eva.onnx")
    assert set(voice.arguments["voices"]) == {"en_US-amy", "de_DE-eva"}


def test_a_voices_name_is_for_the_first_engine_only() -> None:
    chain = choices("tts", settings(tts={"voice": "anna"}, cartesia_api_key="k"))
    assert chain[0].arguments["voice"] == "anna"
    assert "voice" not in chain[-1].arguments


def test_the_same_engine_is_the_same_choice() -> None:
    again = choices("stt", settings(stt={"whisper_threads": 2}), MODELS)
    assert choices("stt", settings(), MODELS) == again
