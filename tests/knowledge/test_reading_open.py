"""OpenDocument and RTF files are read as they are shown."""

# ruff: noqa: E501 - an element of XML is easier to read in one line

import pytest
import written

from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.reading.document import Document
from nexus_voice.knowledge.reading.read import read

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
NAMES = " ".join(
    f'xmlns:{short}="{OASIS}:{long}:1.0"'
    for short, long in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"), ("draw", "drawing"),
        ("presentation", "presentation"), ("chart", "chart"), ("m", "manifest"),
    )
) + ' xmlns:xlink="http://www.w3.org/1999/xlink"'  # fmt: skip
AUTOMATIC = """
<style:style style:name="H" style:family="text"><style:text-properties text:display="none"/></style:style>
<style:style style:name="HP" style:family="paragraph"><style:text-properties text:display="none"/></style:style>
<style:style style:name="T" style:family="paragraph" style:parent-style-name="Title"/>
<style:style style:name="C" style:family="paragraph" style:parent-style-name="Preformatted_20_Text"/>
<style:style style:name="ht" style:family="table"><style:table-properties table:display="false"/></style:style>
<style:style style:name="hd" style:family="drawing-page">
 <style:drawing-page-properties presentation:visibility="hidden"/></style:style>
<text:list-style style:name="L">
 <text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>
 <text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")" text:display-levels="2"/>
 <text:list-level-style-bullet text:level="3"/>
</text:list-style>
"""
STYLES = """
<text:outline-style><text:outline-level-style text:level="1" style:num-format="1"/>
<text:outline-level-style text:level="2" style:num-format="I" text:display-levels="2"/></text:outline-style>
"""


def odf(kind: str, body: str, **more: str) -> Document:
    """`more`: other members, with "_" for "/" in their names."""
    members = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"<office:document-content {NAMES}><office:automatic-styles>{AUTOMATIC}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}></office:body>"
        "</office:document-content>",
        **{name.replace("_", "/") + ".xml": f"<x {NAMES}>{inside}</x>" for name, inside in more.items()},
    }
    return read(
        f"a.{ {'text': 'odt', 'spreadsheet': 'ods', 'presentation': 'odp'}[kind] }",
        written.zipped({**members}),
    )


def p(text: str, style: str = "") -> str:
    return f'<text:p text:style-name="{style}">{text}</text:p>'


def cell(text: str, more: str = "") -> str:
    return f"<table:table-cell {more}>{text if text.startswith('<') else p(text)}</table:table-cell>"


def row(*cells: str, more: str = "") -> str:
    inside = "".join(one if one.startswith("<table:") else cell(one) for one in cells)
    return f"<table:table-row {more}>{inside}</table:table-row>"


COVERED = "<table:covered-table-cell/>"


def test_a_text_is_read_with_its_numbers_and_notes_without_what_is_hidden() -> None:
    def items(*texts: str) -> str:
        return "".join(
            f"<text:list-item>{text if text.startswith('<') else p(text)}</text:list-item>" for text in texts
        )

    deep = f"{p('Rent')}<text:list>{items('Monthly', p('By transfer') + '<text:list>' + items('in crowns') + '</text:list>')}</text:list>"
    body = "".join(
        [
            "<text:tracked-changes>" + p("badger") + "</text:tracked-changes>",
            p("The lease", "T"),
            '<text:h text:outline-level="1">Scope</text:h>' + p("All<text:s text:c='2'/>of<text:tab/>it."),
            '<text:h text:outline-level="2">Duties</text:h>' + p("None.<text:span text:style-name='H'>badger</text:span>"),
            p("badger", "HP"), '<text:section text:display="none">' + p("badger") + "</text:section>",
            f'<text:list text:style-name="L">{items("Term", deep)}</text:list>',
            p("Between."),
            f'<text:list text:style-name="L" text:continue-numbering="true">{items("Keys")}</text:list>',
            f'<text:list text:style-name="L">{items("Anew")}</text:list>',
            p('With a note<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
              f'<text:note-body>{p("No bread.")}</text:note-body></text:note>.'),
            p(f"A box: <draw:frame><draw:text-box>{p('The bell rings.')}</draw:text-box></draw:frame>"),
            p("for x in y:", "C") + p("<text:tab/>print(x)", "C"),
        ]
    )  # fmt: skip
    margin = f"<style:master-page><style:header>{p('HX-5521')}</style:header><style:footer>{p('Page <text:page-number/>')}"
    found = odf("text", body, styles=STYLES + margin + "</style:footer></style:master-page>")
    assert found.title == "The lease"
    assert found.text.split("\n\n") == [
        "HX-5521", "The lease", "1 Scope", "All of it.", "1.I Duties", "None.",
        "1. Term\n2. Rent\n2.a) Monthly\n2.b) By transfer\n- in crowns", "Between.", "3. Keys", "1. Anew", "With a note.",
        "Footnote 1: No bread.", "A box:", "The bell rings.", "    for x in y:", "        print(x)",
    ]  # fmt: skip


def test_merged_and_nested_tables_of_a_text() -> None:
    rates = row(cell("Rates", 'table:number-columns-spanned="3"'), COVERED, COVERED)
    rates += row(cell("Summer", 'table:number-rows-spanned="2"'), "Adult", "14 crowns") + row(
        COVERED, "Child", "6 crowns"
    )
    doors = f"<table:table>{row('Door', 'Code') + row('North', '7788')}</table:table>"
    keys = f"<table:table-header-rows>{row('Room', 'Key', 'Remark')}</table:table-header-rows>"
    keys += row("Dairy", "K-31", "spare") + row("Barn", cell(p("") + doors), "")
    found = odf("text", f"<table:table>{rates}</table:table><table:table>{keys}</table:table>")
    assert found.text.split("\n\n") == [
        "Rates",
        "Summer – Adult; 14 crowns\nSummer – Child; 6 crowns",
        "Dairy – Key: K-31; Remark: spare\nBarn – Key: (North – Code: 7788)",
    ]


def test_a_spreadsheet_is_read_as_it_is_shown() -> None:
    hidden = 'table:visibility="collapse"'
    body = f'<table:table table:name="Old" table:style-name="ht">{row("badger")}</table:table>'
    body += (
        f'<table:table table:name="Data"><table:table-column table:number-columns-repeated="3"/><table:table-column {hidden}/>'
        + row("City", "Share", "Post", "Pay", '<table:table-cell table:number-columns-repeated="16000"/>')
        + row(cell("Taunford", 'table:number-rows-spanned="2"'), "12.5%", "01067", "900")
        + row(COVERED, "25.0%", "01067", "800")
        + row("badger", "1", "2", "3", more=hidden)
        + row("Ilmere", cell("5.0%", 'table:number-columns-repeated="2"'), "700")
        + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row></table:table>'
    )
    found = odf("spreadsheet", body)
    assert found.text == (
        "Data\n\nTaunford – Share: 12.5%; Post: 01067\nTaunford – Share: 25.0%; Post: 01067\nIlmere – Share: 5.0%; Post: 5.0%"
    )
    assert found.warnings == (
        "The hidden sheet “Old” was left out.",
        "1 hidden row and 1 hidden column of the sheet “Data” were left out.",
    )


def test_a_presentation_is_read_without_its_hidden_slides() -> None:
    title = "<draw:frame presentation:class='title'><draw:text-box>{}</draw:text-box></draw:frame>"
    outline = f"<text:list><text:list-item>{p('one')}</text:list-item><text:list-item>{p('two')}</text:list-item></text:list>"
    chart = row("", "Sales") + row("North", "19.2") + row("South", "21.4")
    body = (
        f"<draw:page>{title.format(p('Plan'))}<draw:frame><draw:text-box>{outline}</draw:text-box></draw:frame>"
        f"<draw:g><draw:custom-shape>{p('Grouped')}</draw:custom-shape></draw:g>"
        "<draw:frame><draw:object xlink:href='./Object 1'/></draw:frame>"
        f"<presentation:notes><draw:frame presentation:class='notes'><draw:text-box>{p('Slowly.')}</draw:text-box></draw:frame>"
        "</presentation:notes></draw:page>"
        f"<draw:page draw:style-name='hd'>{title.format(p('Badger'))}</draw:page><draw:page/>"
    )
    found = odf(
        "presentation",
        body,
        **{"Object 1_content": f"<chart:chart><table:table>{chart}</table:table></chart:chart>"},
    )
    assert found.text.split("\n\n") == [
        "Plan",
        "- one\n- two",
        "Grouped",
        "Sales: North 19.2, South 21.4",
        "Slowly.",
        "Slide 3",
    ]
    assert found.warnings == ("Slide 2 is hidden and was left out.",)
    assert len(found.pages) == 3


def test_an_open_document_with_a_password_is_refused() -> None:
    with pytest.raises(BadInput, match="password"):
        odf("text", p("x"), **{"META-INF_manifest": "<m:encryption-data/>"})


def rtf(body: str) -> Document:
    head = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\title The lease}}{\stylesheet{\s1\b heading 1;}{\s0 Normal;}}"
    return read("a.rtf", (head + body + "}").encode("latin-1"))


def test_rtf_is_read_without_what_is_hidden() -> None:
    found = rtf(
        r"\pard\s1 Scope\par\pard\plain Gr\'fc\u223?e {\v badger} and \v badger\v0 {\deleted badger}all."
        r"{\*\footnote\pard No bread.}\par \outlinelevel1 Duties\par\pard None."
        "{\\pict\\pngblip\\bin4 \x00}{\\}\\par}"
    )
    assert (found.title, found.text) == (
        "The lease",
        "Scope\n\nGrüße and all. (Footnote: No bread.)\n\nDuties\n\nNone.",
    )
    assert [section.path for section in found.sections] == [("Scope",), ("Scope", "Duties")]


def test_tables_of_rtf() -> None:
    def line(*cells: str, first: str = "") -> str:
        return (
            r"\trowd"
            + first
            + r"\cellx1\cellx2\cellx3\pard\intbl "
            + "".join(one + r"\cell " for one in cells)
            + r"\row "
        )

    text = rtf(
        line("Room", "Key", r"Remark") + line("Dairy", "K-31", r"spare\par at office") + r"\pard\par "
        + line("Summer", "Adult", "14 crowns", first=r"\clvmgf") + line("", "Child", "6 crowns", first=r"\clvmrg")
    ).text  # fmt: skip
    assert (
        text
        == "Dairy – Key: K-31; Remark: spare at office\n\nSummer – Adult; 14 crowns\nSummer – Child; 6 crowns"
    )
