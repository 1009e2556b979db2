"""A text is read in its encoding, or refused with advice: never as other letters than it has, in silence."""

import pytest

from nexus_voice.core.errors import BadInput
from nexus_voice.knowledge.reading.read import read

TEXTS = {
    "cp1252 iso8859_15": "Der Schlüssel für den Schuppen hängt im zweiten Stock. Geöffnet außer samstags.",
    "cp1252": "Où est la clé ? Elle est au deuxième étage. Ça coûte 12 €, déjà très cher à l’été.",
    "cp1252 cp1254": "The “keeper” lives in the lamp room – it’s the only one. It costs €12.50.",
    "cp1250 iso8859_2": "Klucz wisi na drugim piętrze. Proszę zadzwonić później, żółty płaszcz.",
    "iso8859_2 cp1250": "Klíč od skladu visí ve druhém patře. Příští týden bude úřad zavřený.",
    "cp1251 koi8_r": "Ключ от склада висит на втором этаже. Телефон: 4417.",
    "cp1251 koi8_u": "Ключ від складу висить на другому поверсі. Робочий час з дев'ятої до п'ятої.",
    "cp1253": "Το κλειδί της αποθήκης είναι στον δεύτερο όροφο.",
    "cp1255": "המפתח של המחסן נמצא בקומה השנייה בארון האדום.",
    "cp1256": "مفتاح المستودع في الطابق الثاني في الخزانة الحمراء.",
    "cp1254": "Deponun anahtarı ikinci kattaki kırmızı dolapta. Şimdi müdür dışarıda, öğleden sonra gelir.",
    "cp932 euc_jp iso2022_jp": "倉庫の鍵は二階の赤い棚にあります。電話番号は四四一七です。",
    "gb18030 gb2312": "仓库的备用钥匙在二楼的红色柜子里。电话号码是四四一七。",
    "big5 cp950": "倉庫的備用鑰匙在二樓的紅色櫃子裡。電話號碼是四四一七。",
    "cp949 euc_kr": "창고 열쇠는 이층의 빨간 선반에 있습니다. 전화번호는 사사일칠입니다.",
    "cp874": "กุญแจโกดังอยู่ที่ชั้นสองในตู้สีแดง หมายเลขโทรศัพท์คือสี่สี่หนึ่งเจ็ด",
    "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32": "Ключ: the key, 鍵, clé. It hangs there.",
}  # fmt: skip


@pytest.mark.parametrize("encodings", TEXTS)
def test_a_short_text_is_read_in_its_encoding(encodings: str) -> None:
    text = TEXTS[encodings]
    for encoding in encodings.split():
        found = read("a.txt", text.encode(encoding))
        assert (encoding, found.text, found.warnings) == (encoding, text, ())
        long = read("a.txt", "\n\n".join([text] * 2_000).encode(encoding))
        assert long.text.count(text) == 2_000


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Grüße", "cp1252"),
        ("café", "cp1252"),
        ("© 2024 Acme", "cp1252"),
        ("10 °C and 5 µm ± 3", "cp1252"),
        ("x² + y²", "cp1252"),
        ("MÜNCHEN", "cp1252"),
        ("Ñandú", "cp1252"),
        ("•\titem one\n•\titem two", "cp1252"),
        ("Zażółć gęślą", "cp1250"),
        ("Договор № 5", "cp1251"),
        ("会議資料", "cp932"),
        ("会議資料", "euc_jp"),
        ("合同编号", "gb18030"),
        ("安裝說明", "big5"),
        ("姓名,部门,电话\n王伟,仓库,4417", "gb18030"),
        ("氏名,部署,電話\n田中,倉庫,4417", "cp932"),
        ("Имя;Отдел\nИван;Склад", "koi8_r"),
    ],
)
def test_a_few_words_are_enough_where_they_are_clear(text: str, encoding: str) -> None:
    found = read("a.txt", text.encode(encoding))
    assert (" ".join(found.text.split()), found.warnings) == (" ".join(text.split()), ())


@pytest.mark.parametrize(
    ("text", "encoding"), [("鍵", "cp932"), ("Ψάρι", "cp1253"), ("שלום", "cp1255"), ("你好", "big5")]
)
def test_what_cannot_be_told_is_refused_with_advice(text: str, encoding: str) -> None:
    with pytest.raises(BadInput, match="save it as UTF-8") as refused:
        read("a.txt", text.encode(encoding))
    assert refused.value.code == "unknown_encoding"
    assert read("a.txt", text.encode(encoding), f"text/plain; charset={encoding}").text == text


def test_a_table_and_a_page_are_read_in_their_encodings() -> None:
    table = "品名;単価;在庫\nポンプ;1200;4\nホース;300;12\n".encode("cp932")
    assert read("a.csv", table).text == "ポンプ – 単価: 1200; 在庫: 4\nホース – 単価: 300; 在庫: 12"
    words = "鍵は棚"
    page = "<html><head><meta {}></head><body><p>" + words
    for said in (
        "charset=Shift_JIS",
        "charset='x-sjis'",
        'http-equiv=Content-Type content="text/html; charset=sjis"',
    ):
        assert read("a.html", page.format(said).encode("cp932")).text == words
    assert read("a.html", page.format("").encode("euc_jp"), 'text/html; charset="EUC-JP"').text == words
    assert (
        read("a.xhtml", f"<?xml version='1.0' encoding='big5'?><html><body>{words[0]}".encode("big5")).text
        == words[0]
    )


def test_labels_mean_what_browsers_take_them_for() -> None:
    for label in ("iso-8859-1", "latin1", "us-ascii"):
        assert read("a.html", b"<html><p>12 \x80", f"text/html; charset={label}").text == "12 €"
    assert read("a.txt", "漢字".encode("gb18030"), "text/plain; charset=gb2312").text == "漢字"


def test_a_wrong_label_does_less_harm_than_the_text_knows() -> None:
    assert read("a.html", "<html><p>Grüße".encode(), "text/html; charset=iso-8859-1").text == "Grüße"
    text = TEXTS["cp1251 koi8_r"]
    assert read("a.txt", text.encode("cp1251"), "text/plain; charset=utf-8").text != text  # but it is said:
    assert read("a.txt", text.encode("koi8_r"), "text/plain; charset=no-such").text == text


def test_a_few_broken_characters_cost_no_more_and_are_said() -> None:
    data = "Die Grüße kommen später. ".encode() * 100 + b"\xff\xfe\xfa The end."
    found = read("a.txt", data)
    assert found.text.startswith("Die Grüße")
    assert found.text.endswith("The end.")
    assert found.warnings == ("3 characters could not be read.",)
    data = "钥匙在仓库的架子上。".encode() * 100 + b"\xff" + "完。".encode()
    assert read("a.txt", data).warnings == ("1 character could not be read.",)
    assert read("a.txt", b"Odd words. And \xed\xa0\x80 more.").text == "Odd words. And � more."
    log = b"line of a log\n" * 200 + b"\x81\x8d\x9d odd bytes\n"
    assert len(read("a.log", log).warnings) >= 1


def mail(charset: str, body: bytes, kind: str = "plain") -> bytes:
    return (
        f"From: a@example.org\nSubject: Hello\nMIME-Version: 1.0\n"
        f"Content-Type: text/{kind}; charset={charset}\n"
        "Content-Transfer-Encoding: 8bit\n\n"
    ).encode() + body


def test_mail_is_read_in_the_encoding_that_it_names() -> None:
    hebrew = "שלום, הפגישה בחדר שבע"
    for charset, encoding, text in (
        ("iso-8859-8-i", "iso8859_8", hebrew),
        ("ISO-8859-8-E", "iso8859_8", hebrew),
        ("windows-1255", "cp1255", hebrew),
        ("iso-8859-1", "cp1252", "It costs 12 €"),
        ("us-ascii", "cp1252", "It’s 12 €"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("gb2312", "gb18030", "朱镕基"),
        ("unknown-8bit", "cp1251", TEXTS["cp1251 koi8_r"]),
    ):
        assert read("a.eml", mail(charset, text.encode(encoding))).text.endswith(text)
    page = mail("koi8-r", "<p>Ключ".encode("koi8_r"), "html")
    assert read("a.eml", page).text.endswith("Ключ")
