"""What a question in an unspaced script asks for: its runs of signs, without the words of asking and grammar.

The signs in between are looked up in groups of two or three, so that no dictionary is needed. Where a rule
cuts inside of a word, its other signs are still found.
"""

from __future__ import annotations

import re

from .folding import SIGNS_MARKS

_KANJI, _KATAKANA, _KANA = "\u3005\u4e00-\u9fff\u3400-\u4dbf", "\u30a1-\u30fa\u30fc", "\u3041-\u3096"


def _any(words: str) -> str:
    return "|".join(sorted(words.split(), key=len, reverse=True))


_CHINESE = re.compile(
    "(?P<kept>"
    + _any(
        """目的 现在 現在 存在 所在 在线 在線 有效 有限 有关 有關 所有 和平 共和 是非 了解 这样 几何 幾何
        有害 几率"""
    )
    + ")|(?:"
    + _any(
        """什么时候 什麼時候 什么时间 什麼時間 什么地方 什麼地方 什么 什麼 哪里 哪裡 哪裏 哪儿 哪兒 哪个
        哪個 哪些 哪位 哪天 哪年 哪 怎么样 怎麼樣 怎么办 怎麼辦 怎么 怎麼 怎样 怎樣 如何 为什么 為什麼
        为何 為何 多少 多久 多大 多长 多長 多远 多遠 多高 最多 最少 几点 幾點 几 幾 谁 誰 是不是 是否
        可不可以 能不能 有没有 有沒有 没有 沒有 可以 请问 請問 告诉 告訴 想知道 知道 一下 吗 嗎 呢 吧 啊
        呀 的 了 在 是 有 和 与 與 跟 把 被 给 給 我们 我們 你们 你們 我 你 您 这个 這個 那个 那個 这 這
        那 里面 裡面 会 會 能 要 需要 应该 應該"""
    )
    + ")"
)
_JAPANESE = re.compile(
    "(?:"
    + _any(
        """どこですか どこ どちら どれ どの どんな どうやって どのように どうすれば どう なにが なにを なに
        なんですか なん いつ だれ いくら いくつ なぜ 何時 何曜日 何日 何月 何年 何人 何階 何分 何円 何
        誰 教えてください 教えて ください ありますか あります ありません ある いますか います いる
        ですか です でしょうか でした ますか ました ません ます しますか します する できますか できます
        できる について とは という から まで より を どのくらい どれくらい くらい ぐらい いつまで
        いつから"""
    )
    + f"|(?<=[{_KANJI}{_KATAKANA}])(?:には|では|とは|への|での|の|は|が|に|で|と|も|へ|や|な)|か$"
    + f"|(?<=[{_KANJI}])[{_KANA}]+"  # endings of verbs and adjectives
    + ")"
)
_KOREAN = re.compile(
    "(?<![가-힣])(?:(?:어디|무엇|무슨|뭐|뭔|언제|누가|누구|왜|어떻게|어떤|얼마|몇|어느|있|없|입니|인가|이에|예요|알려|주세)"
    "[가-힣]*|하나요|합니까|하는지|하는|해야|해요|할까요|되나요|됩니까|되는|제|내|그|저|좀|수)(?![가-힣])"
    "|(?<=[가-힣]{2})(?:"
    + _any(
        """입니까 인가요 이에요 예요 습니까 나요 에서는 에는 에서 에게 으로 까지 부터 은 는 이 가 을 를 의
        에 로 와 과 도 만"""
    )
    + ")(?![가-힣])"
)
_SOUTH_EAST_ASIAN = re.compile(
    "(?:"
    + _any(
        """อยู่ที่ไหน ที่ไหน ตรงไหน ไหน อะไร เมื่อไร เมื่อไหร่ เมื่อใด ใคร ทำไม อย่างไร ยังไง เท่าไร เท่าไหร่ เท่าใด
        กี่โมง กี่ หรือไม่ หรือเปล่า ไหม ครับ ค่ะ คะ คือ เป็น ของ อยู่ และ ได้ ช่วยบอก บอก ຢູ່ໃສ ບ່ອນໃດ ໃສ ແມ່ນຫຍັງ
        ຫຍັງ ເມື່ອໃດ ໃຜ ເທົ່າໃດ ຈັກ ຢູ່ ແມ່ນ ຂອງ ບໍ່ ໃດ នៅឯណា នៅទីណា នៅកន្លែងណា នៅណា អ្វី ពេលណា អ្នកណា ប៉ុន្មាន តើ
        ទេ គឺ របស់ នៅ ဘယ်မှာလဲ ဘယ်မှာ ဘယ်တော့ ဘယ်သူ ဘယ်လို ဘယ်လောက် ဘယ် ဘာလဲ ဘာ လဲ သလား"""
    )
    + ")"
)
_HAS_KANA, _HAS_HANGUL = re.compile(f"[{_KANA}{_KATAKANA}]"), re.compile("[가-힣]")
_HAS_KANJI = re.compile(f"[{_KANJI}]")
_CUT = " "
_LEADING_MARKS = re.compile(f"^[{SIGNS_MARKS}]+")


def asked(run: str, japanese: bool) -> list[str]:
    """The pieces of a run that tell what is asked about. `japanese`: whether the question has kana."""
    if _HAS_HANGUL.search(run):
        run = _KOREAN.sub(_CUT, run)
    elif japanese:
        run = _JAPANESE.sub(_CUT, run)
    elif _HAS_KANJI.search(run):
        run = _CHINESE.sub(lambda found: found["kept"] or _CUT, run)
    else:
        run = _SOUTH_EAST_ASIAN.sub(_CUT, run)
    whole = (_LEADING_MARKS.sub("", piece) for piece in run.split())  # a cut may part a sign and its marks
    return [piece for piece in whole if piece]


def is_japanese(text: str) -> bool:
    return _HAS_KANA.search(text) is not None
