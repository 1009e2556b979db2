"""A Word file is read as Word shows it."""

import pytest
import written

from nexus_voice.knowledge.reading.document import Document
from nexus_voice.knowledge.reading.read import read

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OTHERS = (
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
)
KINDS = ("styles", "numbering", "header", "footer", "footnotes", "endnotes", "settings")
STYLES = """
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Chapter of mine"/>
 <w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="paragraph" w:styleId="Clause"><w:name w:val="Clause"/>
 <w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Deep"><w:name w:val="Deep"/><w:basedOn w:val="Secret"/></w:style>
<w:style w:type="character" w:styleId="Ghost"><w:name w:val="Ghost"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Code"><w:name w:val="Code"/></w:style>
"""


def level(at: int, format: str, text: str, more: str = "", start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{format}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


NUMBERING = (
    '<w:abstractNum w:abstractNumId="0">'
    + level(0, "decimal", "%1.") + level(1, "decimal", "%1.%2") + level(2, "lowerLetter", "(%3)")
    + level(3, "lowerRoman", "%4.") + level(4, "upperLetter", "%5)", '<w:lvlRestart w:val="0"/>')
    + '</w:abstractNum><w:abstractNum w:abstractNumId="1">'
    + level(0, "bullet", "\uf0b7") + level(1, "upperRoman", "Part %2")
    + level(2, "decimal", "%2.%3", "<w:isLgl/>")
    + "</w:abstractNum>"
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="0"/>'
    '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>'
    '<w:num w:numId="4"><w:abstractNumId w:val="0"/>'
    f'<w:lvlOverride w:ilvl="0">{level(0, "ordinal", "%1 step")}</w:lvlOverride></w:num>'
)  # fmt: skip


def docx(body: str, **parts: str) -> bytes:
    """`parts`: the inside of other parts by their kind; "header2" is a second header."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    roots = {"header": "hdr", "footer": "ftr"}
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
        f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f"<w:document {W} {OTHERS}><w:body>{body}</w:body></w:document>",
    }
    links = ""
    for name, inside in {"styles": STYLES, "numbering": NUMBERING, **parts}.items():
        kind = name.rstrip("0123456789")
        root = roots.get(kind, kind)
        links += f'<Relationship Id="{name}" Type="{office}/{kind}" Target="{name}.xml"/>'
        members[f"word/{name}.xml"] = (
            inside if inside.startswith("!") else f"<w:{root} {W} {OTHERS}>{inside}</w:{root}>"
        )
    members["word/_rels/document.xml.rels"] = (
        f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'
    )
    return written.zipped(members)


def p(text: str, style: str = "", list: str = "", at: int = 0, mark: str = "") -> str:
    numbers = f'<w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{list}"/></w:numPr>' if list else ""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    runs = text if text.startswith("<") or not text else f"<w:r><w:t>{text}</w:t></w:r>"
    return f"<w:p><w:pPr>{named}{numbers}<w:rPr>{mark}</w:rPr></w:pPr>{runs}</w:p>"


def tc(content: str, more: str = "") -> str:
    inside = content if content.startswith(("<w:p", "<w:tbl")) else p(content)
    return f"<w:tc><w:tcPr>{more}</w:tcPr>{inside}</w:tc>"


def table(*rows: list[str]) -> str:
    lines = ("".join(cell if cell.startswith("<w:tc>") else tc(cell) for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl>"


def found(body: str, **parts: str) -> Document:
    return read("a.docx", docx(body, **parts))


def test_paragraphs_have_their_numbers() -> None:
    body = "".join(
        [
            p("Term", list="1"), p("Two years.", list="1", at=1), p("Renewal.", style="Clause"),
            p("Rent", list="1"), p("Monthly.", list="1", at=1), p("By transfer.", list="1", at=1),
            p("in crowns", list="1", at=2), p("on the first", list="1", at=2), p("of May", list="1", at=3),
            p("of June", list="1", at=3), p("A box", list="1", at=4),
            p("Keys", list="1"), p("Two.", list="1", at=1), p("of brass", list="1", at=2),
            p("Another box", list="1", at=4),
            p("point", list="2"), p("Beginning", list="2", at=1), p("One", list="2", at=2),
            p("End", list="2", at=1),
            p("Seventh", list="3"), p("Eighth", list="3"), p("Then", list="4"),
            p("No number", style="Clause", list="0"),
        ]
    )  # fmt: skip
    assert found(body).text.replace("\n\n", "\n").split("\n") == [
        "1. Term", "1.1 Two years.", "1.2 Renewal.", "2. Rent", "2.1 Monthly.", "2.2 By transfer.",
        "(a) in crowns",
        "(b) on the first", "i. of May", "ii. of June", "A) A box", "3. Keys", "3.1 Two.", "(a) of brass",
        "B) Another box", "- point", "Part I Beginning", "1.1 One", "Part II End", "7. Seventh",
        "8. Eighth", "9th step Then",
        "No number",
    ]  # fmt: skip


def test_headings_have_numbers_and_any_name() -> None:
    body = p("Scope", "berschrift1", "1") + p("All.") + p("Duties", "Own", "1") + p("None.")
    assert [section.path for section in found(body).sections] == [(), ("2. Duties",)]


def test_what_is_hidden_or_deleted_is_left_out() -> None:
    hidden = "<w:r><w:rPr>{}</w:rPr><w:t>badger</w:t></w:r>"
    body = "".join(
        [
            p("<w:r><w:t>Seen. </w:t></w:r>" + hidden.format("<w:vanish/>")
            + hidden.format('<w:rStyle w:val="Ghost"/>')),
            p("badger", "Secret"), p("badger", "Deep"),
            p("<w:r><w:rPr><w:vanish w:val='0'/></w:rPr><w:t>Shown all the same.</w:t></w:r>", "Deep"),
            p("<w:del><w:r><w:delText>badger</w:delText></w:r></w:del><w:ins><w:r><w:t>Added.</w:t></w:r></w:ins>"),
            p("<w:moveFrom><w:r><w:t>badger</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>Moved.</w:t></w:r></w:moveTo>"),
            p("One", list="1"),
            p("<w:del><w:r><w:delText>badger</w:delText></w:r></w:del>", list="1", mark="<w:del/>"),
            p("Two", list="1"),
            "<w:tbl><w:tr>" + tc("a") + tc("b") + "</w:tr><w:tr><w:trPr><w:del/></w:trPr>"
            + tc("badger") + tc("x")
            + "</w:tr><w:tr>" + tc("c") + tc("d") + "</w:tr></w:tbl>",
            p('<w:r><w:instrText>XE "badger"</w:instrText></w:r><w:r><w:t>Soft\xadhyphen.</w:t></w:r>'),
        ]
    )  # fmt: skip
    assert found(body).text.split("\n\n") == [
        "Seen.", "Shown all the same.", "Added.", "Moved.", "1. One\n2. Two", "a – b\nc – d", "Softhyphen.",
    ]  # fmt: skip


def test_merged_and_nested_tables() -> None:
    restart, goes_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rates = table(
        [tc("Rates", '<w:gridSpan w:val="3"/>')],
        [tc("Summer", restart), "Adult", "14 crowns"],
        [tc("", goes_on), "Child", "6 crowns"],
    )
    assert found(rates).text == "Rates\n\nSummer – Adult; 14 crowns\nSummer – Child; 6 crowns"
    wide = table(
        [tc("City", restart), tc("Summer", '<w:gridSpan w:val="2"/>'), tc("Note", restart)],
        [tc("", goes_on), "Adult", "Child", tc("", goes_on)],
        ["Ilmere", "14", "6", "x"],
        ["Taun", tc("9", '<w:gridSpan w:val="2"/>'), "y"],
    )
    assert found(wide).text == (
        "Ilmere – Summer Adult: 14; Summer Child: 6; Note: x\n"
        "Taun – Summer Adult: 9; Summer Child: 9; Note: y"
    )
    doors = table(["Door", "Code"], ["North", "7788"], ["South", "1"])
    keys = table(["Room", "Key", "Remark"], ["Dairy", "K-31", "spare"], ["Barn", tc(doors + p("")), ""])
    assert (
        found(keys).text
        == "Dairy – Key: K-31; Remark: spare\nBarn – Key: (North – Code: 7788; South – Code: 1)"
    )
    layout = table([tc(p("Left", "berschrift1") + p("Some text.") + doors)])
    assert found(layout).text == "Left\n\nSome text.\n\nNorth – Code: 7788\nSouth – Code: 1"
    marked = (
        "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>"
        + tc("Who")
        + tc("Where")
        + "</w:tr><w:tr>"
        + tc("Ann")
        + tc("Ilmere")
        + "</w:tr></w:tbl>"
    )
    assert found(marked).text == "Ann – Where: Ilmere"


def test_boxes_notes_headers_and_footers_are_read_once() -> None:
    inside = "<w:txbxContent>" + p("The bell rings.") + table(["a", "b"], ["c", "d"]) + "</w:txbxContent>"
    box = (
        f"<mc:AlternateContent><mc:Choice><w:drawing><wps:txbx>{inside}</wps:txbx></w:drawing></mc:Choice><mc:Fallback>"
        f"<w:pict><v:textbox>{inside}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent>"
    )
    old = f"<w:pict><v:textbox><w:txbxContent>{p('Old box.')}</w:txbxContent></v:textbox></w:pict>"
    reference = '<w:r><w:{0}Reference w:id="{1}"/></w:r>'
    page = "<w:r><w:t>Page </w:t></w:r><w:fldSimple w:instr=' PAGE '><w:r><w:t>3</w:t></w:r></w:fldSimple>"
    links = "".join(
        f'<w:{kind}Reference w:type="{type}" r:id="{id}"/>'
        for kind, type, id in (
            ("header", "default", "header"), ("header", "first", "header2"), ("header", "even", "header3"),
            ("footer", "default", "footer"),
        )
    )  # fmt: skip
    document = found(
        p(f"<w:r><w:t>Before. </w:t>{box}{old}</w:r>" + reference.format("footnote", 2))
        + table(["x", tc(p("<w:r><w:t>y</w:t></w:r>" + reference.format("endnote", 5)))], ["z", "0"])
        + p(f"<w:r><w:t>Twice.</w:t></w:r>{reference.format('footnote', 2)}")
        + f"<w:p><w:pPr><w:sectPr>{links}</w:sectPr></w:pPr></w:p><w:sectPr>{links}<w:titlePg/></w:sectPr>",
        header=p("File HX-5521"), header2=p("First page"), header3=p("badger"),
        footer=p("Larkfield") + p(page),
        footnotes=f'<w:footnote w:id="0">{p("badger")}</w:footnote>'
        f'<w:footnote w:id="2">{p("No bread.")}</w:footnote>',
        endnotes=f'<w:endnote w:id="5">{p("The end.")}</w:endnote>',
    )  # fmt: skip
    assert document.text.split("\n\n") == [
        "File HX-5521", "First page", "Larkfield", "Before.", "The bell rings.", "a – b\nc – d", "Old box.",
        "Footnote 1: No bread.", "z – y: 0", "Endnote 1: The end.", "Twice.",
    ]  # fmt: skip


def test_code_fields_and_links_are_read() -> None:
    body = (
        p("for x in y:", "Code") + p("<w:r><w:tab/><w:t>print(x)</w:t></w:r>", "Code")
        + p("<w:hyperlink><w:r><w:t>A link</w:t></w:r></w:hyperlink>"
            "<w:r><w:noBreakHyphen/><w:t>x</w:t><w:br/><w:t>y</w:t></w:r>")
        + "<w:sdt><w:sdtContent>" + p("In a control.") + "</w:sdtContent></w:sdt>"
    )  # fmt: skip
    assert found(body).text == "    for x in y:\n        print(x)\n\nA link-x y\n\nIn a control."


@pytest.mark.parametrize(
    ("part", "warning"),
    [
        ("footnotes", "The footnotes could not be read."),
        ("numbering", "The numbers of its paragraphs could not be read."),
        ("styles", "The formats of its paragraphs could not be read."),
        ("header", "A header of the pages could not be read."),
    ],
)
def test_one_broken_part_costs_that_part(part: str, warning: str) -> None:
    reference = '<w:sectPr><w:headerReference w:type="default" r:id="header"/></w:sectPr>'
    document = found(p("The text.") + reference, **{"header": "", part: "!<"})
    assert (document.text, document.warnings) == ("The text.", (warning,))
