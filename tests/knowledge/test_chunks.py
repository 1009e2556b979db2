"""Passages cover the text, keep their size, overlap, and end where a reader would pause."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nexus_voice.knowledge.reading.chunks import (
    MAX_CHARS,
    MAX_OVERLAP_CHANGE,
    MIN_CHARS,
    OVERLAP_CHARS,
    Chunk,
    chunks,
)
from nexus_voice.knowledge.reading.document import Block, Document, Section, lay_out
from nexus_voice.knowledge.reading.read import read

WORDS = st.text(alphabet="abcdefgh.!?,", min_size=1, max_size=14)
TEXTS = st.lists(
    st.tuples(WORDS, st.sampled_from([" ", " ", " ", ". ", "\n", "\n\n", "\n    "])), min_size=1, max_size=700
).map(lambda pieces: "".join(word + gap for word, gap in pieces).strip())


def whole(text: str) -> Document:
    return Document("t", text, (Section((), 0, len(text)),))


def end(chunk: Chunk) -> int:
    return chunk.start + len(chunk.text)


@given(TEXTS)
def test_everything_is_covered_in_pieces_of_the_right_size(text: str) -> None:
    found = chunks(whole(text))
    for chunk in found:
        assert text[chunk.start : end(chunk)] == chunk.text
    assert found[0].start == 0
    assert end(found[-1]) == len(text)
    for before, after in pairwise(found):
        assert (
            OVERLAP_CHARS - MAX_OVERLAP_CHANGE
            <= end(before) - after.start
            <= OVERLAP_CHARS + MAX_OVERLAP_CHANGE + 1
        )
        assert MIN_CHARS <= len(before.text) <= MAX_CHARS
    assert 0 < len(found[-1].text) <= MAX_CHARS
    assert len(found) == 1 or len(found[-1].text) > OVERLAP_CHARS + MAX_OVERLAP_CHANGE


@given(TEXTS)
def test_words_stay_whole(text: str) -> None:
    for chunk in chunks(whole(text)):
        assert chunk.start == 0 or text[chunk.start - 1].isspace()
        assert end(chunk) == len(text) or text[end(chunk)].isspace()


def test_a_text_without_any_gap_is_cut_all_the_same() -> None:
    found = chunks(whole("x" * 2_000))
    assert all(len(chunk.text) <= MAX_CHARS for chunk in found)
    assert end(found[-1]) == 2_000


def test_pieces_end_with_a_paragraph_or_a_sentence() -> None:
    sentence = "The quick brown fox jumps over the lazy dog near the river. "
    by_paragraph = chunks(whole("\n\n".join([(sentence * 4).strip()] * 8)))
    assert all(chunk.text.endswith(".") and not chunk.text.startswith("\n") for chunk in by_paragraph)
    by_sentence = chunks(whole((sentence * 40).strip()))
    assert all(chunk.text.startswith("The") and chunk.text.endswith("river.") for chunk in by_sentence)


def test_a_heading_is_never_crossed_and_short_sections_stay_short() -> None:
    document = read("a.md", b"# A\n\nShort.\n\n## B\n\n" + b"Long text here. " * 120 + b"\n\n# C\n\nEnd.")
    found = chunks(document)
    assert found[0] == Chunk("Short.", (), 3)
    assert found[-1].text == "End."
    assert found[-1].path == ("C",)
    assert {chunk.path for chunk in found[1:-1]} == {("B",)}
    assert all("Short" not in chunk.text and "End." not in chunk.text for chunk in found[1:-1])


TABLES = st.lists(st.text("ab ", min_size=1, max_size=40).map("x".__add__), min_size=1, max_size=40).map(
    "\n".join
)
BLOCKS = st.lists(
    st.builds(Block, TEXTS.filter(bool), st.just(0)).map(lambda block: Block(block.text[:2_000]))
    | st.builds(Block, TABLES, whole=st.just(True))
    | st.builds(Block, st.just("Heading"), st.integers(1, 3)),
    min_size=1,
    max_size=12,
)


@given(BLOCKS, st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_tables_and_code_stay_whole_and_pages_are_right(blocks: list[Block], turned: list[int]) -> None:
    page, paged = 1, list[Block]()
    for block, turn in zip(blocks, turned, strict=False):
        page += turn
        paged.append(Block(block.text, block.level, whole=block.whole, page=page))
    document = lay_out("t", paged, page)
    found = chunks(document)
    assert len(document.pages) == page
    for start, stop in document.whole:
        if stop - start <= MAX_CHARS:
            assert any(chunk.start <= start and stop <= end(chunk) for chunk in found)
    for section in document.sections:
        inside = [chunk for chunk in found if section.start <= chunk.start < section.end]
        assert inside[0].start == section.start
        assert end(inside[-1]) == section.end
        assert all(chunk.path == section.path for chunk in inside)
        for before, after in pairwise(inside):
            assert before.start < after.start
            assert before.text == document.text[before.start : end(before)]
            assert not document.text[end(before) : after.start].strip()  # nothing is lost
            assert len(after.text) <= MAX_CHARS
    for chunk in found:
        assert chunk.page is not None
        middle = chunk.start + len(chunk.text) // 2
        assert document.pages[chunk.page - 1] <= middle
        assert chunk.page == page or middle < document.pages[chunk.page]


def test_a_table_that_does_not_fit_begins_a_new_passage_and_a_long_one_is_cut_between_rows() -> None:
    words = ("Some words. " * 50).strip()
    table = "\n".join(f"row {n} – Price: {n}; Count: 7" for n in range(20))
    long = "\n".join(f"row {n} – Price: {n}; Count: 7" for n in range(100))
    found = chunks(lay_out("t", [Block(words), Block(table, whole=True)]))
    assert [chunk.text for chunk in found] == [words, table] or table in found[1].text
    assert len(found) == 2
    cut = chunks(lay_out("t", [Block(long, whole=True)]))
    assert len(cut) > 3
    assert all(chunk.text.startswith("row") and chunk.text.endswith("7") for chunk in cut)


def test_a_document_without_pages_has_none() -> None:
    assert [chunk.page for chunk in chunks(lay_out("t", [Block("Text.")]))] == [None]
