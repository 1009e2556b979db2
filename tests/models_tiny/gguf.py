"""A language model of half a megabyte that llama.cpp loads like any other and that says what it is told.

Its attention and feed-forward weights are zero, so a token alone decides the next one: the output
row of each word is the embedding of the word before it. It is a Markov chain of one sentence.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter, TokenType

WIDTH, INNER, LAYERS, HEADS = 64, 128, 2, 4
ANSWER = "the blue button starts pump"
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")


def build(path: Path, say: str = ANSWER, *, endless: bool = False, context: int = 65_536) -> Path:
    """Write the model: it answers everything with `say`, whose words must differ; `endless`ly if asked."""
    words = say.split()
    tokens = [("<unk>", TokenType.UNKNOWN), ("<s>", TokenType.CONTROL), ("</s>", TokenType.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", TokenType.BYTE) for byte in range(256)]
    tokens += [(role, TokenType.CONTROL) for role in ROLES]
    first = len(tokens)
    tokens += [(f"\u2581{word}", TokenType.NORMAL) for word in words]
    assert len({token for token, _ in tokens}) == len(tokens), "words must differ"

    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token.encode() for token, _ in tokens])
    writer.add_token_scores([0.0] * first + [-float(place) for place in range(len(words))])
    writer.add_token_types([int(kind) for _, kind in tokens])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    start = [token for token, _ in tokens].index("<|assistant|>")
    chain = [start, *range(first, len(tokens)), first if endless else 2]
    for name, tensor in _weights(len(tokens), chain).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(size: int, chain: list[int]) -> dict[str, Any]:
    embedding = np.random.default_rng(0).normal(0, 1, (size, WIDTH)).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    output = np.zeros((size, WIDTH), np.float32)
    for before, after in pairwise(chain):
        output[after] += 4 * embedding[before]
    one = np.ones(WIDTH, np.float32)
    weights = {"token_embd.weight": embedding, "output.weight": output, "output_norm.weight": one}
    square, tall = np.zeros((WIDTH, WIDTH), np.float32), np.zeros((INNER, WIDTH), np.float32)
    for layer in range(LAYERS):
        blocks = {
            "attn_norm": one, "ffn_norm": one,
            "attn_q": square, "attn_k": square, "attn_v": square, "attn_output": square,
            "ffn_gate": tall, "ffn_up": tall, "ffn_down": tall.T.copy(),
        }  # fmt: skip
        weights |= {f"blk.{layer}.{name}.weight": tensor for name, tensor in blocks.items()}
    return weights
