"""Mistakes in settings, in plain words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nexus_voice.cli.configure import BadSettings, misspelt, settings, variables

Set = Callable[..., None]


def complaint(**flags: object) -> str:
    with pytest.raises(BadSettings) as caught:
        settings(**flags)
    return caught.value.message


def test_flags_beat_the_environment(settings_of_nobody: Set) -> None:
    settings_of_nobody("NEXUS_SERVER__PORT", "1234")
    settings_of_nobody("NEXUS_SERVER__HOST", "::1")
    found = settings(server={"port": 4321})
    assert (found.server.port, found.server.host) == (4321, "::1")


def test_a_wrong_value_names_its_variable(settings_of_nobody: Set) -> None:
    settings_of_nobody("NEXUS_LIMITS__SESSIONS", "0")
    assert complaint().startswith("NEXUS_LIMITS__SESSIONS: input should be greater than or equal to 1")


def test_a_wrong_flag_names_itself() -> None:
    assert complaint(server={"port": 70_000}).startswith("--port: ")


def test_an_unknown_field_suggests_the_known_one(settings_of_nobody: Set) -> None:
    settings_of_nobody("NEXUS_LLM__BASEURL", "http://127.0.0.1/v1")
    assert "Did you mean NEXUS_LLM__BASE_URL?" in complaint()


def test_a_list_that_is_no_json_names_its_variable(settings_of_nobody: Set) -> None:
    settings_of_nobody("NEXUS_SERVER__ORIGINS", "https://example.org")
    assert complaint().startswith("NEXUS_SERVER__ORIGINS: must be a JSON list")


def test_a_key_is_not_repeated(settings_of_nobody: Set) -> None:
    settings_of_nobody("NEXUS_LLM__API_KEY", '["s3cret"]')
    settings_of_nobody("NEXUS_SERVER__PORT", "x")
    assert "s3cret" not in complaint()


@pytest.mark.parametrize("name", ["NEXUS_DATABASE_URL", "DATABASE_URL"])
def test_another_kind_of_database_is_named_without_its_password(settings_of_nobody: Set, name: str) -> None:
    settings_of_nobody(name, "mysql://user:s3cret@example.org/name")
    said = "NEXUS_DATABASE_URL: must begin with postgresql://; it is also read as DATABASE_URL."
    assert complaint() == said


def test_a_variable_of_no_section_is_pointed_out() -> None:
    assert misspelt({"NEXUS_LMM__KIND": "openai", "PATH": "/", "NEXUS_LLM__KIND": "openai"}) == [
        "NEXUS_LMM__KIND: there is no such setting. Did you mean NEXUS_LLM__KIND?"
    ]


def test_every_variable_has_a_description() -> None:
    assert [name for name, field in variables() if not field.description] == []
