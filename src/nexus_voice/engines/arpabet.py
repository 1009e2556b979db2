"""Pronunciations for words outside CMUdict: espeak-ng's phonemes in ARPAbet, CMUdict's alphabet."""

from __future__ import annotations

from collections.abc import Iterable

# espeak-ng's names for American English (docs/phonemes.md there) -> ARPAbet without stress.
ARPABET = {
    **{name: name.upper() for name in "b d f g k l m n p r s t v w z".split()},
    **dict(zip("D T S Z N h j tS dZ x".split(), "DH TH SH ZH NG HH Y CH JH K".split(), strict=True)),
    **dict(zip("a aa a# 0 A: O: O O2 E".split(), "AE AE AH AA AA AO AO AA EH".split(), strict=True)),
    **dict(zip("I I2 I# i i: i::".split(), "IH IH IH IY IY IY".split(), strict=True)),
    **dict(zip("V @ @- U u u:".split(), "AH AH AH UH UW UW".split(), strict=True)),
    **dict(zip("aI eI oU aU OI".split(), "AY EY OW AW OY".split(), strict=True)),
    **dict(zip("3 3: aI3 i@3".split(), ("ER", "ER", "AY ER", "IH R"), strict=True)),
    "A@": "AA R",
    "o@": "AO R",
    "O@": "AO R",
    "e@": "EH R",
    "U@": "UH R",
    "i@": "IY AH",
    "aI@": "AY AH",
    "@L": "AH L",
    "n-": "AH N",
    "r-": "R",
    "t#": "D",  # the flap of "water"
    "t2": "T",
    "?": "T",
}
STRESS = "',%=;|-"


def pronunciation(phonemes: Iterable[str]) -> str:
    """CMUdict's notation, such as "AA L AA M AH"; empty when a phoneme has no counterpart."""
    phones: list[str] = []
    for phoneme in phonemes:
        name = phoneme if phoneme in ARPABET else phoneme.strip(STRESS)
        if not name:
            continue
        if name not in ARPABET:
            return ""
        for phone in ARPABET[name].split():
            if phones[-1:] != [phone]:  # espeak-ng says "A@ r" where CMUdict has one R
                phones.append(phone)
    return " ".join(phones)
