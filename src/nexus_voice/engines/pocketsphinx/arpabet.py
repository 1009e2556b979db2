"""Pronunciations for words outside CMUdict: espeak-ng's phonemes in ARPAbet, CMUdict's alphabet."""

from __future__ import annotations

from collections.abc import Iterable

# espeak-ng's names for American English (docs/phonemes.md there) -> ARPAbet without stress.
TABLE = """
b B, d D, f F, g G, k K, l L, m M, n N, p P, r R, s S, t T, v V, w W, z Z, D DH, T TH, S SH, Z ZH,
N NG, h HH, j Y, tS CH, dZ JH, x K, r- R, n- AH N, t# D, t2 T, ? T,
a AE, aa AE, a# AH, 0 AA, A: AA, O: AO, O AO, O2 AA, E EH, I IH, I2 IH, I# IH, i IY, i: IY, i:: IY,
V AH, @ AH, @- AH, @L AH L, U UH, u UW, u: UW, aI AY, eI EY, oU OW, aU AW, OI OY, 3 ER, 3: ER,
aI3 AY ER, aI@ AY AH, i@3 IH R, i@ IY AH, A@ AA R, o@ AO R, O@ AO R, e@ EH R, U@ UH R
"""
ARPABET = {name: phones for name, *phones in (entry.split() for entry in TABLE.split(","))}
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
        for phone in ARPABET[name]:
            if phones[-1:] != [phone]:  # espeak-ng says "A@ r" where CMUdict has one R
                phones.append(phone)
    return " ".join(phones)
