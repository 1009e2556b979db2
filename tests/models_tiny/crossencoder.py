"""A reranker of some 30 kB: its logit counts the words that question and passage have in common.

The two are told apart by their token types and padding by the mask, as in a real cross-encoder.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models_tiny.e5 import SPECIAL, tokenizer


def build(folder: Path, *, logits: int = 1) -> Path:
    """`logits` 1: one score; 2: "no" and "yes", whose difference is that score."""
    folder.mkdir(parents=True, exist_ok=True)
    size = tokenizer(folder / "tokenizer.json")
    words = np.eye(size, dtype=np.float32)
    words[: len(SPECIAL)] = 0
    share = np.array([[1.0]] if logits == 1 else [[-0.5, 0.5]], np.float32)
    constants = {
        "words": words, "two": np.array([2], np.int64), "one": np.array([1], np.int64),
        "unit": np.float32(1), "floor": np.float32(2), "share": share,
    }  # fmt: skip

    def node(kind: str, inputs: str, output: str, **attributes: int) -> onnx.NodeProto:
        return helper.make_node(kind, inputs.split(), [output], **attributes)

    nodes = [
        node("Gather", "words input_ids", "embedded"),
        node("Cast", "attention_mask", "mask", to=TensorProto.FLOAT),
        node("Cast", "token_type_ids", "kinds", to=TensorProto.FLOAT),
        node("Mul", "mask kinds", "in_passage"),
        node("Sub", "unit kinds", "others"),
        node("Mul", "mask others", "in_query"),
        node("Unsqueeze", "in_query two", "query_column"),
        node("Unsqueeze", "in_passage two", "passage_column"),
        node("Mul", "embedded query_column", "query_words"),
        node("Mul", "embedded passage_column", "passage_words"),
        node("ReduceSum", "query_words one", "query", keepdims=0),
        node("ReduceSum", "passage_words one", "passage", keepdims=0),
        node("Mul", "query passage", "alike"),
        node("ReduceSum", "alike one", "count", keepdims=1),
        node("Sub", "count floor", "score"),
        node("MatMul", "score share", "logits"),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", logits])
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "crossencoder", inputs, [output], tensors)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10),
        folder / "model.onnx",
    )
    return folder
