"""Recognises text that Whisper makes up because it was trained on subtitles: credits over silence, loops, and
more words than the time allows.

Calm-Whisper (Wang et al., 2025) and "Careless Whisper" (Koenecke et al., 2024) describe them. People say
some of these phrases too, so a phrase alone proves nothing. It is dropped only if it is also faint, if the
model itself doubts that there was speech, or if it is too long for the time in which it was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

FAINT_DBFS = -50.0
"""Speech that is fainter than this is not believed to be one of the phrases."""
MAX_NO_SPEECH = 0.5
"""The model's own probability of no speech, above which none of the phrases is believed."""
HASTY_CHARS_PER_S = 25
"""Nobody says one of the phrases faster."""
MAX_CHARS_PER_S, GRACE_CHARS = 40, 15
"""Text that is longer than the second number plus the first for each second of speech cannot have been
said."""
MIN_LOOP_REPEATS, MIN_LOOP_WORDS, MAX_LOOP_UNIT_WORDS = 4, 8, 30
"""A loop repeats a few words at least so often, or twice where nobody can have said so much, and has at least
so many words in all. The last number bounds the words that are repeated."""
MIN_TWICE_WORDS = 2
"""So many words at the end that are there twice are suspicious; people repeat one word."""

_PHRASES = """
    thank you; thank you very much; thank you so much; thank you for watching; thanks for watching
    thank you so much for watching; thank you for listening; thanks for listening; you; bye; bye bye; the end
    please subscribe; like and subscribe; please subscribe to my channel; see you next time
    see you in the next video; ill see you in the next video; dont forget to like and subscribe
    vielen dank; vielen dank fürs zuschauen; danke fürs zuschauen; bis zum nächsten mal; das wars für heute
    merci; merci davoir regardé cette vidéo; abonnez vous; à bientôt; cest parti
    gracias; gracias por ver el video; muchas gracias por ver; suscríbete; suscríbete al canal
    grazie; grazie per aver guardato il video; grazie a tutti; alla prossima
    obrigado; obrigado por assistir; obrigada por assistir; inscreva se no canal; até a próxima
    dziękuję za uwagę; dziękuję za obejrzenie; bedankt voor het kijken; tack för att ni tittade
    izlediğiniz için teşekkür ederim; altyazı mk; děkuji za pozornost; kiitos kun katsoit
    продолжение следует; спасибо за просмотр; подписывайтесь на канал; до новых встреч
    اشتركوا في القناة; ترجمة نانسي قنقر; شكرا للمشاهدة; धन्यवाद; देखने के लिए धन्यवाद
    谢谢; 谢谢观看; 謝謝觀看; 谢谢大家
    請不吝點贊訂閱轉發打賞支持明鏡與點點欄目; 请不吝点赞订阅转发打赏支持明镜与点点栏目
    ご視聴ありがとうございました; ありがとうございました; チャンネル登録お願いします
    最後までご視聴いただきありがとうございます
    시청해주셔서 감사합니다; 구독과 좋아요 부탁드립니다; 감사합니다; mbc 뉴스 이덕영입니다
"""
PHRASES = frozenset(phrase.strip() for phrase in re.split(r"[;\n]", _PHRASES) if phrase.strip())
"""As `normalised` spells them."""

_CREDITS = re.compile(
    r"amara ?org|opensubtitles|castingwords|dimatorzok"
    r"|^(?:subtitles|subtitled|captions?|captioned|transcribed|transcripts?|transcription|translated) by\b"
    r"|^untertitel(?:ung)? (?:der|des|im auftrag|von)\b|^(?:swr|wdr|ard|zdf) \d{4}|^copyright wdr"
    r"|^sous titr(?:es|age)\b|^subt[ií]tulos (?:por|realizados|hechos)\b|^legendas? (?:por|pela|de)\b"
    r"|^sottotitoli (?:creati|e revisione|a cura)\b|^napisy (?:stworzone|przez)\b|^ondertitel(?:s|ing)\b"
    r"|^(?:редактор )?субтитр(?:ы|ов)\b|^字幕|^자막"
)


def believable(text: str, *, voiced: float, level: float, no_speech: float) -> bool:
    """Whether `text` was said in `voiced` seconds of speech at `level` dBFS.

    `no_speech` (0..1) is the model's probability that nothing was.
    """
    said = normalised(text)
    if not said or len(said) > GRACE_CHARS + MAX_CHARS_PER_S * voiced:
        return False
    doubtful = level < FAINT_DBFS or no_speech > MAX_NO_SPEECH or len(said) > HASTY_CHARS_PER_S * voiced
    return not (doubtful and (said in PHRASES or _CREDITS.search(said)))


def normalised(text: str) -> str:
    """`text` in lower case, without punctuation and with single spaces."""
    return " ".join(re.sub(r"['’]", "", re.sub(r"[^\w\s'’]|_", " ", text.casefold())).split())


def ends_twice(said: Sequence[str]) -> bool:
    """Whether the last few of these words repeat those just before them."""
    ends = [normalised(word) for word in said]
    sizes = range(MIN_TWICE_WORDS, len(ends) // 2 + 1)
    return any(ends[-size:] == ends[-2 * size : -size] for size in sizes)


def unlooped(items: Sequence[T], text: Callable[[T], str], voiced: float) -> list[T]:
    """`items` with each loop kept only once. `text` gives the word of an item; all of them were heard in
    `voiced` seconds of speech."""
    said = [normalised(text(item)) for item in items]
    hasty = len(" ".join(said)) > HASTY_CHARS_PER_S * voiced
    repeats, least = (2, 2 * MIN_TWICE_WORDS) if hasty else (MIN_LOOP_REPEATS, MIN_LOOP_WORDS)
    kept: list[T] = []
    at = 0
    while at < len(said):
        size, times = _loop(said, at)
        if times < repeats or times * size < least:
            size, times = 1, 1
        kept += items[at : at + size]
        at += size * times
    return kept


def _loop(said: list[str], at: int) -> tuple[int, int]:
    """(words, how often) of the longest repetition that begins at `at`."""
    found = 1, 1
    for size in range(1, min(MAX_LOOP_UNIT_WORDS, (len(said) - at) // 2) + 1):
        unit = said[at : at + size]
        times = 1
        while said[at + size * times : at + size * (times + 1)] == unit:
            times += 1
        if times > 1 and times * size > found[0] * found[1]:
            found = size, times
    return found
