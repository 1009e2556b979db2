"""A Whisper model of a few megabytes, made in a second, that hears one known sentence in any sound.

Its decoder is a Markov chain over tokens: every layer adds nothing, and the output layer knows which
word follows which. All else is as in the real ones (CTranslate2 format), so that faster-whisper loads
and runs it with its own loader, features, encoder, decoding rules, tokenizer and word alignment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES as LANGUAGES
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

FRAMES, MELS, TEXT = 1500, 80, 448
"""Encoder positions of 30 s, mel bands, and decoder positions."""
SURE = 20.0
REAL = 51_864
"""Tokens of a real English model."""

Floats = NDArray[np.float32]


def tiny_whisper(
    folder: Path,
    sentence: str = "what is the refund policy",
    *,
    languages: Mapping[str, float] | None = None,
    sure: float = SURE,
    silent: float = 0.0,
    width: int = 64,
    layers: int = 1,
    vocabulary: int = 0,
) -> Path:
    """Writes the model into `folder` and returns it. The words of `sentence` must differ.

    `languages` makes it multilingual: logits by language code. `sure` and `silent` are the logits of
    each next word and of "no speech"; all other tokens have 0. `width`, `layers` and `vocabulary` (a
    least size) give it a real model's work to do.
    """
    words = [in_bytes(f" {word}") for word in sentence.split()]
    texts, special = tokens(words, languages is not None, vocabulary)
    times = [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    ids = {token: i for i, token in enumerate([*texts, *special, *times])}

    rng = np.random.default_rng(0)
    embedding = rng.normal(0, 1, (len(ids), width)).astype(np.float32)
    embedding -= embedding.mean(1, keepdims=True)
    embedding /= embedding.std(1, keepdims=True)
    projection = np.zeros_like(embedding)

    def follows(token: str, before: str, logit: float) -> None:
        projection[ids[token]] += logit * embedding[ids[before]] / width

    chain = ["<|notimestamps|>", *words, "<|endoftext|>"]
    for before, token in pairwise(chain):
        follows(token, before, sure)
    follows("<|nospeech|>", "<|startoftranscript|>", silent)
    for language, logit in (languages or {}).items():
        follows(f"<|{language}|>", "<|startoftranscript|>", logit)

    spec = WhisperSpec(layers, width // 64, layers, width // 64)
    _fill(spec, embedding, projection, rng)
    spec.register_vocabulary(list(ids))
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [ids["<|endoftext|>"]]
    spec.config.lang_ids = [ids[f"<|{code}|>"] for code in LANGUAGES] if languages is not None else []
    spec.config.alignment_heads = [[0, 0]]
    spec.validate()
    spec.optimize(quantization=None)
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))

    tokenizer = Tokenizer(models.BPE(vocab={token: ids[token] for token in texts}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    tokenizer.add_tokens([AddedToken(token, special=False) for token in times])
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def in_bytes(text: str) -> str:
    """As the vocabulary spells it: one printable symbol a byte."""
    pieces = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return "".join(piece for piece, _ in pieces)


def tokens(words: Sequence[str], multilingual: bool, least: int) -> tuple[list[str], list[str]]:
    """Text tokens (bytes, then whole words, then as many unused ones as are missing) and special ones."""
    codes = [f"<|{code}|>" for code in LANGUAGES] if multilingual else []
    after = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    special = ["<|endoftext|>", "<|startoftranscript|>", *codes, *(f"<|{name}|>" for name in after)]
    texts = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *words]
    # The empty token is how CTranslate2 knows a multilingual vocabulary.
    texts += [""] if multilingual else []
    missing = least - len(texts) - len(special) - 1501
    return texts + [f"Ġunused{i}" for i in range(missing)], special


def _fill(spec: WhisperSpec, embedding: Floats, projection: Floats, rng: np.random.Generator) -> None:
    width = embedding.shape[1]

    def weights(*shape: int, zero: bool = False) -> Floats:
        return np.zeros(shape, np.float32) if zero else rng.normal(0, 0.05, shape).astype(np.float32)

    def norm(layer: object) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float32), weights(width, zero=True)

    def linear(layer: object, outputs: int, inputs: int, zero: bool) -> None:
        layer.weight, layer.bias = weights(outputs, inputs, zero=zero), weights(outputs, zero=True)

    def block(layer: object, decodes: bool) -> None:
        norm(layer.self_attention.layer_norm)
        linear(layer.self_attention.linear[0], 3 * width, width, decodes)
        linear(layer.self_attention.linear[1], width, width, decodes)
        if decodes:
            norm(layer.attention.layer_norm)
            linear(layer.attention.linear[0], width, width, False)  # it looks at the sound,
            linear(layer.attention.linear[1], 2 * width, width, False)
            linear(layer.attention.linear[2], width, width, True)  # to no effect
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 4 * width, width, decodes)
        linear(layer.ffn.linear_1, width, 4 * width, decodes)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = weights(width, MELS, 3), weights(width, zero=True)
    encoder.conv2.weight, encoder.conv2.bias = weights(width, width, 3), weights(width, zero=True)
    encoder.position_encodings.encodings = weights(FRAMES, width)
    decoder.embeddings.weight = embedding
    decoder.position_encodings.encodings = weights(TEXT, width, zero=True)
    decoder.projection.weight, decoder.projection.bias = projection, weights(len(embedding), zero=True)
    for side, decodes in ((encoder, False), (decoder, True)):
        norm(side.layer_norm)
        for layer in side.layer:
            block(layer, decodes)
