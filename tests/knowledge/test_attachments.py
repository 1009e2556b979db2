"""What is attached to an e-mail is a document of its own, which comes, changes and goes with its mail."""

from email.message import EmailMessage
from pathlib import Path

import pytest
import written

from nexus_voice.core.access import PUBLIC
from nexus_voice.knowledge.base import KnowledgeBase
from nexus_voice.knowledge.documents.records import DocumentInfo
from nexus_voice.knowledge.reading.confined_reader import Reader
from nexus_voice.knowledge.reading.limits import MAX_ATTACHMENTS
from nexus_voice.knowledge.reading.read import read

pytestmark = pytest.mark.anyio

File = tuple[str, bytes]


def mail(*files: File, subject: str = "The plan", within: EmailMessage | None = None) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"] = subject, "Ann <ann@x.example>"
    message.set_content("See what is attached.")
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    if within is not None:
        message.add_attachment(within)
    return message


async def held(base: KnowledgeBase, collection: str | None = None) -> dict[str, DocumentInfo]:
    return {one.name: one for one in await base.documents(None, collection)}


async def found(base: KnowledgeBase, query: str) -> list[str]:
    """The titles of the documents with a passage that has the words."""
    return sorted({chunk.title for chunk, _ in (await base.candidates(query, PUBLIC, 10, by="words")).chunks})


async def test_attachments_come_change_and_go_with_their_mail(at: Path | str) -> None:
    plan, list_ = (
        ("plan.pdf", written.pages(["The ferry leaves at noon."])),
        ("list.csv", b"part,shelf\nbelt,S4\nhose,S5\n"),
    )
    inner = mail(("deep.txt", b"The goose sleeps."), subject="An older one")
    async with Reader() as reader, KnowledgeBase(at, None, reader=reader) as base:
        done = await base.ingest("mail.eml", bytes(mail(plan, list_, within=inner)))
        documents = await held(base)
        names = ["mail.eml", "mail.eml › An older one.eml", "mail.eml › An older one.eml › deep.txt",
                 "mail.eml › list.csv", "mail.eml › plan.pdf"]  # fmt: skip
        assert sorted(documents) == names
        assert {one.part_of for one in documents.values()} == {None, done.id}
        assert [documents[name].title for name in names[1:]] == names[1:]
        assert documents["mail.eml › plan.pdf"].pages == 1
        assert await base.original(documents["mail.eml › list.csv"].id, None) == (
            "mail.eml › list.csv",
            "text/csv",
            list_[1],
        )
        assert await found(base, "ferry noon") == ["mail.eml › plan.pdf"]
        assert await found(base, "goose") == [names[2]]

        plan = "plan.pdf", written.pages(["The ferry leaves at dawn."])
        again = await base.ingest("mail.eml", bytes(mail(plan)))
        assert (again.id, again.status) == (done.id, "updated")
        assert sorted(await held(base)) == ["mail.eml", "mail.eml › plan.pdf"]
        assert (await held(base))["mail.eml › plan.pdf"].id == documents["mail.eml › plan.pdf"].id
        assert await found(base, "ferry dawn") == ["mail.eml › plan.pdf"]
        assert await found(base, "goose") == []

        other = await base.collections.create("Other", "everyone")
        assert await base.change(done.id, None, collection=other.id)
        assert sorted(await held(base, other.id)) == ["mail.eml", "mail.eml › plan.pdf"]
        assert await base.delete(done.id, None)
        assert await held(base) == {}
        assert await found(base, "ferry dawn") == []

        await base.ingest("mail.eml", bytes(mail(plan)), collection=other.id)
        assert await base.collections.delete(other.id, None)
        assert await held(base) == {}


async def test_an_attachment_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    files = (
        ("a.zip", written.zipped({"a.txt": "x"})),
        ("b.pdf", b"%PDF-1.7 nothing"),
        ("c.txt", b"The goose."),
        ("d.txt", b""),
    )
    async with Reader() as reader, KnowledgeBase(tmp_path, None, reader=reader) as base:
        await base.ingest("mail.eml", bytes(mail(*files)))
        documents = await held(base)
        assert sorted(documents) == ["mail.eml", "mail.eml › c.txt"]
        empty, archive, broken = documents["mail.eml"].warnings
        assert "“d.txt” is empty" in empty
        assert archive.startswith("“a.zip” was not added: archives cannot be read.")
        assert broken.startswith("“b.pdf” is damaged")


async def test_attachments_are_bounded_in_number_and_depth(tmp_path: Path) -> None:
    files = [(f"{number}.txt", b"x y") for number in range(MAX_ATTACHMENTS + 3)]
    deep = mail(("deepest.txt", b"badger"))
    for number in range(5):
        deep = mail(subject=f"Level {number}", within=deep)
    async with Reader() as reader, KnowledgeBase(tmp_path, None, reader=reader) as base:
        await base.ingest("many.eml", bytes(mail(*files)))
        await base.ingest("deep.eml", bytes(deep))
        documents = await held(base)
        assert sum(name.startswith("many.eml › ") for name in documents) == MAX_ATTACHMENTS
        assert documents["many.eml"].warnings == (
            "Only the first 50 attachments were read; 3 were left out.",
        )
        assert max(name.count("›") for name in documents) == 3
        assert documents["deep.eml"].warnings == (
            "“Level 0.eml” was left out: the mail has too much attached.",
        )


def test_which_parts_of_a_mail_are_attachments() -> None:
    message = mail(("a/b\\plan.txt", b"1"), ("plan.txt", b"2"), ("x" * 300 + ".txt", b"3"))
    message.add_attachment("Words.", filename="words.txt")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", cid="<logo>", disposition="inline")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf")
    document = read("a.eml", bytes(message))
    names = [one.name for one in document.attachments]
    assert names == ["plan.txt", "plan (2).txt", "x" * 150 + ".txt", "words.txt", "attachment 5.pdf"]
    assert document.text.endswith(f"Attachments: {', '.join(names)}")
    assert [one.data for one in document.attachments][:2] == [b"1", b"2"]
