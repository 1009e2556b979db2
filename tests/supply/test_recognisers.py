"""Which Whisper model hears, by what a decode was measured to cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus_voice.settings import Settings
from nexus_voice.supply.choices import choices
from nexus_voice.supply.offers import Found
from nexus_voice.supply.recognisers import recognisers

STARTER = ["whisper-base", "whisper-tiny.en"]


@pytest.fixture(autouse=True)
def english_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")


def models(
    pulled: list[str], *, named: str = "", language: str = "", costs: dict[str, float] | None = None
) -> list[str]:
    return [one.model for one in recognisers(pulled, named, language, costs or {})]


def test_base_hears_where_it_is_fast() -> None:
    assert models(STARTER) == ["whisper-base"]
    assert models(STARTER, costs={"whisper-base": 0.24}) == ["whisper-base"]
    (one,) = recognisers(STARTER, "", "", {"whisper-base": 0.2})
    assert one.why == "a decode takes 0.20 s here, less than 0.25 s"


def test_the_english_model_takes_over_where_base_is_slow() -> None:
    """Base goes on hearing until the other is loaded and measured, and is let go then."""
    first, second = recognisers(STARTER, "", "", {"whisper-base": 0.5})
    assert (first.model, second.model) == ("whisper-tiny.en", "whisper-base")
    assert first.why == "a decode of whisper-base takes 0.50 s here, more than 0.25 s"
    assert models(STARTER, costs={"whisper-base": 0.5, "whisper-tiny.en": 0.9}) == ["whisper-tiny.en"]


@pytest.mark.parametrize(
    ("language", "system", "chosen"),
    [
        ("en", "de_DE.UTF-8", "whisper-tiny.en"),
        ("en-GB", "de_DE.UTF-8", "whisper-tiny.en"),
        ("", "en_US.UTF-8", "whisper-tiny.en"),
        ("", "C.UTF-8", "whisper-tiny.en"),
        ("", "POSIX", "whisper-tiny.en"),
        ("", "de_DE.UTF-8", "whisper-base"),
        ("", "cs_CZ.UTF-8", "whisper-base"),
        ("de", "en_US.UTF-8", "whisper-base"),
    ],
)
def test_a_slow_machine_hears_english_with_the_english_model_only(
    language: str, system: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", system)
    assert models(STARTER, language=language, costs={"whisper-base": 2.0})[0] == chosen


def test_what_was_pulled_by_choice_or_is_named_is_used() -> None:
    assert models(["whisper-small", *STARTER], costs={"whisper-base": 0.1}) == ["whisper-small"]
    assert models(STARTER, named="whisper-tiny.en") == ["whisper-tiny.en"]
    assert models(STARTER, named="whisper-1") == ["whisper-base"], "a server's model"
    assert models(["whisper-tiny.en"], language="en") == ["whisper-tiny.en"]
    assert models([]) == []


def test_pocketsphinx_behind_whisper_is_not_kept_in_memory() -> None:
    plain = Settings(_env_file=None)  # type: ignore[call-arg]
    found = Found({"whisper": {"whisper-base": Path("m/base")}}, costs={"whisper-base": 0.1})
    whisper, behind = choices("stt", plain, found)
    assert (whisper.quick, whisper.standby) == (True, False)
    assert (behind.kind, behind.standby) == ("pocketsphinx", True)
    assert behind.arguments["idle"] > 0
    (alone,) = choices("stt", plain)
    assert "idle" not in alone.arguments
    assert not alone.standby
