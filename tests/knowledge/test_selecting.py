"""Neighbours become one passage, repetitions none, and all of them fit the context."""

import random

from nexus_voice.knowledge.documents.records import StoredChunk
from nexus_voice.knowledge.search.choosing import MAX_TOKENS, select, shown
from nexus_voice.knowledge.search.tokens import estimate

WORDS = random.Random(7).sample(
    [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"], 700
)
TEXT = " ".join(WORDS)


def stored(
    id: int, text: str, document: str = "", position: int = 0, path: tuple[str, ...] = ("Path",)
) -> StoredChunk:
    document = document or f"d{id}"
    return StoredChunk(id, document, f"Title {id}", path, f"Title {id} › Path", text, position, page=id)


def cut(
    id: int, start: int, end: int, document: str = "book", path: tuple[str, ...] = ("Path",)
) -> StoredChunk:
    """A piece of one long document."""
    return stored(id, TEXT[start:end], document, start, path)


def test_repetition_is_left_out_across_documents_too() -> None:
    first = "The blue button starts the pump and the red button stops it at once"
    ranked = [(stored(1, first), 0.9), (stored(2, first + "!"), 0.9), (stored(3, "Wash the filter"), 0.4)]
    assert [passage.document for passage in select(ranked, 5)] == ["d1", "d3"]
    assert len(select([(stored(id, f"text{id}"), 0.5) for id in range(9)], 5)) == 5
    assert select([], 5) == select(ranked, 0) == []


def test_a_passage_says_where_it_stands() -> None:
    (passage,) = select([(stored(7, "Some text", position=70), 0.43219)], 5)
    place = (passage.title, passage.path, passage.position, passage.page, passage.score)
    assert place == ("Title 7", ("Path",), 70, 7, 0.4322)


def test_neighbours_are_one_passage_without_the_overlap() -> None:
    ranked = [(cut(2, 700, 1_400), 0.8), (cut(9, 0, 600, "other"), 0.7), (cut(1, 0, 800), 0.6)]
    joined, other = select(ranked, 5)
    assert joined.text == TEXT[:1_400]
    assert (joined.position, joined.page, joined.score) == (0, 1, 0.8)
    assert other.document == "other"
    touching = select([(cut(1, 0, 800), 0.5), (cut(2, 800, 1_500), 0.9)], 5)
    assert [one.text for one in touching] == [TEXT[:1_500]]


def test_the_one_between_two_makes_all_three_one() -> None:
    ranked = [(cut(3, 1_400, 2_100), 0.9), (cut(1, 0, 800), 0.8), (cut(2, 700, 1_500), 0.5)]
    (joined,) = select(ranked, 2)
    assert joined.text == TEXT[:2_100]
    assert (joined.position, joined.score) == (0, 0.9)


def test_only_what_really_follows_in_the_same_section_is_joined() -> None:
    first = (cut(1, 0, 800), 0.9)
    apart = [
        cut(2, 900, 1_600),
        cut(2, 700, 1_400, path=("Other",)),
        cut(2, 700, 1_400, "other"),
        stored(2, "x" * 100 + TEXT[800:1_400], "book", 700),
    ]
    for second in apart:
        assert [one.text for one in select([first, (second, 0.8)], 5)] == [first[0].text, second.text]


def test_a_good_neighbour_is_brought_along_and_a_weak_one_is_not() -> None:
    others = [(stored(id, f"other{id}"), 0.8) for id in range(10, 14)]
    good, weak = (cut(2, 700, 1_400), 0.5), (cut(2, 700, 1_400), 0.4)
    assert len(select([(cut(1, 0, 800), 0.9), *others, good], 5)[0].text) == 1_400
    assert len(select([(cut(1, 0, 800), 0.9), *others, weak], 5)[0].text) == 800
    assert len(select([(cut(1, 0, 800), 0.9), *others, good], 5)) == 5


def test_all_passages_together_fit_the_context() -> None:
    ranked = [(cut(id, 700 * id, 700 * id + 700, f"d{id}"), 0.5) for id in range(4)] * 3
    ranked += [(stored(100 + id, " ".join(f"{word}{id}" for word in WORDS[:110])), 0.4) for id in range(20)]
    tokens = {shown(chunk): 2 * estimate(shown(chunk)) for chunk, _ in ranked}
    chosen = select(ranked, 20, tokens=tokens)
    used = sum(tokens[f"{one.title} › Path\n{one.text}"] for one in chosen)
    assert MAX_TOKENS / 2 < used <= MAX_TOKENS
    assert len(select(ranked, 20)) > len(chosen)
    small = {shown(chunk): 1_500 for chunk, _ in ranked} | {shown(ranked[-1][0]): 400}
    assert [one.text for one in select(ranked, 5, tokens=small)] == [ranked[0][0].text, ranked[-1][0].text]
