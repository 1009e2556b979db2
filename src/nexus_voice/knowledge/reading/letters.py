"""How probable a text's letters are in the languages of an encoding, by how often these use each letter."""

from __future__ import annotations

from functools import cache
from math import log2

LATIN = {
    "cp1252": (
        "üäößÄÖÜ", "éèàêçîôûùâïëœÉÀ", "óíáéñúü", "ãçáéíõêóâúàô", "àèìòùéÈ",
        "äöåÄÖÅé", "øåæéØÅÆ", "ëéïöóüè", "áíóðúæöýþéÞÍ",
    ),
    "cp1250": (
        "łąęóśżćńźŁŚŻ", "íáéěščřžýůúňťďóČŠŘŽ", "áíéčšžýúľťňôäďóČŠŽ", "áéőöóüíúűÁÉÖŐÜ",
        "ăîâşţŞŢÎ", "čžšćđČŽŠ",
    ),
    "cp1257": ("ėšžųįąūčęŠŽ", "āīēūšžņļķģčĀŠŽ", "äõüöšžÄÕÜÖ"),
    "cp1254": ("ıüşğçöİŞÇÖÜâ",),
}  # fmt: skip
OTHER = {
    "cyrillic": (
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "оаниівретслкдмупзябьгчйхжєїщцюшфґ",
        "аоиетнрсвлкдпмзуъгбчяцжщхйшюфь",
    ),
    "greek": ("αοιετνσηρπκμλςόίάέδγωχύήθφώβξζψϊ",),
    "hebrew": ("יוהלארתבמשןםנדעפכקחגטסצזץךף",),
    "arabic": ("اليمنوترةبهعدسفكقحجشصأطخضذثإظغزءىئؤآ",),
    "thai": ("านรอกเงมยลวด่ทส้ตัะปบีคิหแจพื์ชขุูใไำโ็ผณศซถฟธภญษ",),
}  # fmt: skip
SCRIPTS = {
    "cp1251": "cyrillic", "koi8_r": "cyrillic", "koi8_u": "cyrillic", "cp866": "cyrillic",
    "iso8859_5": "cyrillic",
    "cp1253": "greek", "iso8859_7": "greek", "cp1255": "hebrew", "iso8859_8": "hebrew", "cp1256": "arabic",
    "iso8859_6": "arabic", "cp874": "thai",
}  # fmt: skip
LANGUAGES: dict[str, tuple[str, ...]] = {
    **LATIN, "iso8859_15": LATIN["cp1252"],
    "iso8859_2": LATIN["cp1250"], "cp850": LATIN["cp1252"], "cp852": LATIN["cp1250"],
    "mac_roman": LATIN["cp1252"],
    **{encoding: OTHER[script] for encoding, script in SCRIPTS.items()},
    "cp932": ("ja",), "euc_jp": ("ja",), "gb18030": ("zh",), "big5hkscs": ("zh",), "cp949": ("ko",),
}  # fmt: skip
SYMBOLS = frozenset("“”‘’„–—…€°§©®·«»№¿¡£ªº•™\xa0¥׳״،؛؟µ±²³½¼¾×†")
HANZI = frozenset(
    "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对"
    "小多然于心学么之都好看起发当没成只如事把还用第样道想作种开美总从无情己面最女但现前些所同日手又行意动"
    "方期它头经长儿回位分爱老因很给名法间斯知世什两次使身者被高已亲其进此话常与活正感"
    "這個們來時為說國會過對學麼後發當沒還樣種開總從無現動經長兒愛給間兩親進話與電號碼業樓櫃電话号码公司部"
    "门姓名编号合同日期数据文件表格价格数量单位地址经理客户产品项目备注說明資料價格數量單位客戶產品項目備"
    "註"
)
KANJI = frozenset(
    "日一人年大会国本中長出事者社時分行学見月後前生五間上東四今金九入円立地子方場手自動部高力田京目代通業"
    "員連回電話番号名前部署会議資料期限時間所内書類確認管理株式商品価格数量合計住所氏名田中佐藤鈴木製品使"
    "用説明開始終了停止倉庫鍵棚階赤色"
)
HANGUL = frozenset(
    "이다는을의에가고하기지사로리자인도서한를은나있어들아대그시일해수정과보여부장스전라제주상게라니원되조"
    "적안만구공경계국성신비오성동유우발화용세산없학관면문무소미진선물법방요연실회현생중내금출위음당영업간"
    "번호전화열쇠창고매합격직"
)
COMMON = {
    "cp932": (0xB0, 0xCF, "euc_jp"), "euc_jp": (0xB0, 0xCF, "euc_jp"), "gb18030": (0xB0, 0xD7, "gb2312"),
    "big5hkscs": (0xA4, 0xC6, "big5"),
}  # fmt: skip
"""First bytes of the commoner half of the characters, in the standard that sorts them so."""
WORDS = frozenset("àèéóúíáýÀÈÉÓÚÍå")
"""Words of one accented letter."""
BREAK_BITS, JOINT_BITS = -8.0, -3.0
"""Bits of what is rare in a word: two scripts, or a capital after a small letter; two accented letters."""
PRIOR_BITS = {
    "cp1252": 4.0, "iso8859_15": 3.0, "cp1257": -3.0, "iso8859_2": -1.0, "cp1250": -1.0, "cp1254": -1.0,
    **dict.fromkeys(("cp850", "cp852", "cp866", "mac_roman", "iso8859_5", "iso8859_6"), -14.0),
}  # fmt: skip
"""How much more probable an encoding is than others before a text is seen. The last are of long ago."""


@cache
def _odds(letters: str) -> dict[str, float]:
    """Bits of each letter: the more frequent, the fewer (Zipf). A capital is rarer."""
    weights = {letter: 1 / (rank + 3) for rank, letter in enumerate(letters)}
    total = sum(weights.values()) * 1.1
    found = {letter: log2(weight / total) for letter, weight in weights.items()}
    capitals = {
        letter.upper(): bits - 0.5
        for letter, bits in found.items()
        if letter.upper() != letter and len(letter.upper()) == 1
    }
    return {**capitals, **found}


def bits_of(text: str, high: list[int], encoding: str, language: str) -> float:
    """The logarithm of how probable the characters beyond ASCII are."""
    if len(language) == 2:
        return sum(_wide_bits(text, index, encoding, language) for index in high)
    odds = _odds(language)
    latin = encoding not in SCRIPTS
    bits = 0.0
    for index in high:
        char = text[index]
        own = odds.get(char)
        if own is None:
            own = _symbol_bits(text, index) if char in SYMBOLS else -20.0 if char < "\xa0" else -14.0
        bits += own
        before = text[index - 1] if index else " "
        if char.isalpha() and before.isalpha():
            if before < "\x80":
                bits += 0 if latin else BREAK_BITS
            elif latin:
                bits += JOINT_BITS
            if char.isupper() and before.islower():
                bits += BREAK_BITS
        elif char.isupper():
            bits -= 1.0
        if (
            not latin
            and char.isalpha()
            and text[index + 1 : index + 2].isalpha()
            and text[index + 1] < "\x80"
        ):
            bits += BREAK_BITS
        after = text[index + 1 : index + 2]
        if latin and char.islower() and after.isupper():
            bits += BREAK_BITS
        if latin and char.isalpha() and not before.isalpha() and not after.isalpha() and char not in WORDS:
            bits += BREAK_BITS
    return bits


def _symbol_bits(text: str, index: int) -> float:
    """A sign is probable where it belongs."""
    char, before, after = text[index], text[index - 1 : index] or " ", text[index + 1 : index + 2] or " "
    match char:
        case _ if before in SYMBOLS or after in SYMBOLS:
            right = False
        case "“" | "‘" | "„" | "«" | "¿" | "¡":
            right = not before.isalnum() and not after.isspace()
        case "”" | "’" | "»" | "…":
            right = not before.isspace()
        case "–" | "—" | "±" | "×":
            right = before.isspace() == after.isspace() and not (before.isalpha() and after.isalpha())
        case "€" | "£" | "°" | "½" | "¼" | "¾" | "§" | "µ":
            right = not before.isalpha()
        case "²" | "³" | "ª" | "º" | "™" | "®":
            right = before.isalnum() and not after.isalpha()
        case "•" | "·" | "©":
            right = before.isspace() and after.isspace()
        case _:
            right = False
    return -2.0 if right else -7.0


def _wide_bits(text: str, index: int, encoding: str, language: str) -> float:
    char, before, after = text[index], text[index - 1 : index], text[index + 1 : index + 2]
    code = ord(char)
    lonely = before.isascii() and after.isascii() and (before.isalpha() or after.isalpha())
    return _wide_char_bits(char, code, encoding, language) + (BREAK_BITS if lonely else 0.0)


def _wide_char_bits(char: str, code: int, encoding: str, language: str) -> float:
    if 0x3001 <= code <= 0x3011 or 0xFF01 <= code <= 0xFF20 or char in SYMBOLS or code == 0x30FC:
        return -7.0
    if language == "ja":
        if 0x3041 <= code <= 0x3096:
            return -6.5
        if 0x30A1 <= code <= 0x30FA:
            return -8.0
        if 0xFF61 <= code <= 0xFF9F:
            return -10.0
    if language == "ko" and 0xAC00 <= code <= 0xD7A3:
        return -7.5 if char in HANGUL else -10.5 if _lead(char, "euc_kr") else -18.0
    if 0x4E00 <= code <= 0x9FFF:
        if language == "ko":
            return -15.0
        if char in (KANJI if language == "ja" else HANZI):
            return -9.0
        first, last = {"ja": (0xB0, 0xCF), "zh": (0xB0, 0xD7) if encoding == "gb18030" else (0xA4, 0xC6)}[
            language
        ]
        lead = _lead(char, {"ja": "euc_jp", "zh": "gb2312" if encoding == "gb18030" else "big5"}[language])
        return -11.5 if first <= lead <= last else -17.0
    return -18.0


def _lead(char: str, encoding: str) -> int:
    try:
        return char.encode(encoding)[0]
    except UnicodeEncodeError:
        return 0
