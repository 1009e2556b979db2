"""Builds a small language model from sentences, with pronunciations for words outside the dictionary."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import pocketsphinx
from pocketsphinx.lm import ArpaBoLM

from ..espeak.worker import Espeak
from .phrases import phrases
from .spoken_forms import questions, tokens, words

MAX_SENTENCES = 20_000
"""Sentences and questions that are learnt: 5,000 take about a second."""
PHRASE_REPEATS = 2
"""How often each of the general phrases counts."""
DISCOUNT_MASS = 0.3
"""Probability mass for word sequences that were not seen."""
DECODER_OPTIONS: dict[str, Any] = {"loglevel": "FATAL", "fwdflat": False}
"""One pass: a second one over the whole utterance gains little, and the final would wait for it."""
DOMAIN_OPTIONS = DECODER_OPTIONS | {"lw": 8, "bestpathlw": 11}
"""The domain's decoder trusts its language model more than usual (6.5 and 9.5), since its subject is
known."""
LEVEL_SEARCH = "level"
"""Name of a cheap search, used to measure the audio's level only."""
MAX_SPELLED_LETTERS = 5
"""An unknown word of at most so many letters may also be an abbreviation, said letter by letter."""
PHONEMES = """
b B, d D, f F, g G, k K, l L, m M, n N, p P, r R, s S, t T, v V, w W, z Z, D DH, T TH, S SH, Z ZH,
N NG, h HH, j Y, tS CH, dZ JH, x K, r- R, n- AH N, t# D, t2 T, ? T,
a AE, aa AE, a# AH, 0 AA, A: AA, O: AO, O AO, O2 AA, E EH, I IH, I2 IH, I# IH, i IY, i: IY, i:: IY,
V AH, @ AH, @- AH, @L AH L, U UH, u UW, u: UW, aI AY, eI EY, oU OW, aU AW, OI OY, 3 ER, 3: ER,
aI3 AY ER, aI@ AY AH, i@3 IH R, i@ IY AH, A@ AA R, o@ AO R, O@ AO R, e@ EH R, U@ UH R
"""
ARPABET = {name: phones for name, *phones in (entry.split() for entry in PHONEMES.split(","))}
STRESS_MARKS = "',%=;|-"
"""espeak-ng's names of the phonemes of American English (docs/phonemes.md there) -> ARPAbet, CMUdict's
alphabet, without stress."""


def learn(general: pocketsphinx.Decoder, sentences: Iterable[str]) -> pocketsphinx.Decoder:
    """A decoder that expects `sentences`, questions about them, and small talk.

    `general` has the dictionary. The new decoder gets only the words it needs of it: with all of
    them it takes a hundred times longer to make.
    """
    vocabulary = Vocabulary(general)
    corpus = [text for text in phrases() for _ in range(PHRASE_REPEATS)]
    for sentence in sentences:
        vocabulary.read(sentence)
        corpus += [" ".join(words(sentence)), *questions(sentence, vocabulary.known)]
        if len(corpus) > MAX_SENTENCES:
            break
    lines = [" ".join(filter(vocabulary.ways, text.split())) for text in corpus]
    model = ArpaBoLM(text="\n".join(lines), add_start=True, discount_mass=DISCOUNT_MASS)
    model.compute()
    with tempfile.NamedTemporaryFile("w") as lm, tempfile.NamedTemporaryFile("w") as dictionary:
        model.write(lm)
        dictionary.writelines(vocabulary.entries())
        lm.flush()
        dictionary.flush()
        decoder = pocketsphinx.Decoder(lm=lm.name, dict=dictionary.name, **DOMAIN_OPTIONS)
    decoder.add_keyphrase(LEVEL_SEARCH, "stop")
    return decoder


class Vocabulary:
    """How words are pronounced: as the dictionary says, else as espeak-ng would."""

    def __init__(self, dictionary: pocketsphinx.Decoder) -> None:
        self._dictionary = dictionary
        self._espeak: Espeak | None = None
        self._written: defaultdict[str, set[str]] = defaultdict(set)
        self._ways: dict[str, list[str]] = {}

    def read(self, sentence: str) -> None:
        """Remember how words are written: capitals mark abbreviations."""
        for token in tokens(sentence):
            self._written[token.lower()].add(token)

    def known(self, word: str) -> bool:
        return self._dictionary.lookup_word(word) is not None

    def ways(self, word: str) -> list[str]:
        """Pronunciations in ARPAbet; empty when neither knows the word."""
        if word not in self._ways:
            self._ways[word] = list(self._looked_up(word)) or self._guessed(word)
        return self._ways[word]

    def entries(self) -> Iterator[str]:
        """Lines of a dictionary file with the words asked for."""
        for word, ways in self._ways.items():
            for number, phones in enumerate(ways, 1):
                yield f"{word} {phones}\n" if number == 1 else f"{word}({number}) {phones}\n"

    def _looked_up(self, word: str) -> Iterator[str]:
        for number in count(1):
            phones = self._dictionary.lookup_word(word if number == 1 else f"{word}({number})")
            if phones is None:
                return
            yield phones

    def _guessed(self, word: str) -> list[str]:
        self._espeak = self._espeak or Espeak()
        spellings = {word, *self._written[word]} | (
            {word.upper()} if len(word) <= MAX_SPELLED_LETTERS else set()
        )
        return sorted({pronunciation(self._espeak.phonemes(spelling)) for spelling in spellings} - {""})


def pronunciation(phonemes: Iterable[str]) -> str:
    """CMUdict's notation, such as "AA L AA M AH"; empty when a phoneme has no counterpart."""
    phones: list[str] = []
    for phoneme in phonemes:
        name = phoneme if phoneme in ARPABET else phoneme.strip(STRESS_MARKS)
        if not name:
            continue
        if name not in ARPABET:
            return ""
        for phone in ARPABET[name]:
            if phones[-1:] != [phone]:  # espeak-ng says "A@ r" where CMUdict has one R
                phones.append(phone)
    return " ".join(phones)
