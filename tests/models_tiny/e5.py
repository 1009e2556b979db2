"""A sentence encoder of some 150 kB in the folder layout of intfloat/e5-small-v2: random BERT, real graph.

Its layers add little to the word embeddings, so that texts with words in common are near each other.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from nexus_voice.engines.onnx_text.bert_onnx import encoder

WIDTH, INNER, LAYERS, HEADS, POSITIONS = 32, 64, 2, 4, 512
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = (
    "what is the how do i start stop pump button press filter wash water warm bread oven rain rome"
    " blue red a to in of on with query passage : ? . ,"
)


def tokenizer(path: Path) -> int:
    """A WordPiece tokenizer of `WORDS` and letters, for texts and pairs; returns its size."""
    vocabulary = dict.fromkeys([*SPECIAL, *WORDS.split(), *LETTERS, *(f"##{letter}" for letter in LETTERS)])
    tokens = {token: place for place, token in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(tokens, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", tokens["[CLS]"]), ("[SEP]", tokens["[SEP]"])],
    )
    made.save(str(path))
    return len(tokens)


def build(folder: Path, *, pooled: bool = False, seed: int = 0) -> Path:
    """`pooled`: the graph gives "embedding"; else "last_hidden_state" from an `onnx` folder, as E5's does."""
    folder.mkdir(parents=True, exist_ok=True)
    size = tokenizer(folder / "tokenizer.json")
    config = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
    model = encoder({**config, "layer_norm_eps": 1e-12}, _weights(size, np.random.default_rng(seed)))
    if pooled:
        onnx.save(model, folder / "model.onnx")
        return folder
    graph = model.graph
    last = [node.output[0] for node in graph.node if node.op_type == "LayerNormalization"][-1]
    graph.node.append(helper.make_node("Identity", [last], ["last_hidden_state"]))
    del graph.output[:]
    shape = ["batch", "tokens", WIDTH]
    graph.output.append(helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape))
    graph.input.append(
        helper.make_tensor_value_info("token_type_ids", TensorProto.INT64, ["batch", "tokens"])
    )
    (folder / "onnx").mkdir(exist_ok=True)
    onnx.save(model, folder / "onnx" / "model.onnx")
    return folder


def _weights(size: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    def drawn(scale: float, *shape: int) -> np.ndarray:
        return random.normal(0, scale, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": drawn(1, size, WIDTH),
        "embeddings.position_embeddings.weight": drawn(0.01, POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": drawn(0.01, 2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        for part, wide, narrow in (
            ("attention.self.query", WIDTH, WIDTH), ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH), ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", INNER, WIDTH), ("output.dense", WIDTH, INNER),
        ):  # fmt: skip
            weights[f"{name}{part}.weight"] = drawn(0.05, wide, narrow)
            weights[f"{name}{part}.bias"] = np.zeros(wide, np.float32)
        norms += [f"{name}attention.output.LayerNorm", f"{name}output.LayerNorm"]
    for norm in norms:
        weights[f"{norm}.weight"], weights[f"{norm}.bias"] = (
            np.ones(WIDTH, np.float32),
            np.zeros(WIDTH, np.float32),
        )
    return weights
