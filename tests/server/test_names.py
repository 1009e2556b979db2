"""Names that strangers give to documents."""

from __future__ import annotations

import pytest

from nexus_voice.core.errors import BadInput
from nexus_voice.server.rag.names import disposition, one_line, relative_path


def test_of_an_endless_text_only_the_beginning_is_looked_at() -> None:
    assert one_line("name " * 1_000_000, 9) == "name name"
    assert one_line("\u202e" * 1_000_000 + "name", 9) == ""


@pytest.mark.parametrize("name", ["x" * 501, "x" * 10_000_000, "../" * 5_000 + "x"])
def test_a_path_has_an_end(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        relative_path(name)
    assert caught.value.code == "name_too_long"
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "name", ['a"; x="b.md', "a\r\nset-cookie: b.md", "ä/ö.md", "\U0001f600.md", "\ud800.md"]
)
def test_a_header_is_one_line_of_ascii(name: str) -> None:
    header = disposition("attachment", relative_path(name))
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
