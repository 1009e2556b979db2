"""Converts a BERT sentence encoder from safetensors to one ONNX graph, with numpy and onnx and without torch.

The graph maps `input_ids`, `attention_mask` (int64, shape (batch, tokens)) to `embedding` (float32,
shape (batch, hidden)): Devlin et al. 2019 (arXiv:1810.04805), then the mean over real tokens and the
L2 norm, as sentence-transformers pools (Reimers and Gurevych 2019, arXiv:1908.10084).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
"""The first with a Gelu operator."""
IR_VERSION = 10
MASKED_SCORE = -1e4
"""Added to the attention scores of padding."""
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}

Weights = Mapping[str, NDArray[Any]]


def convert(config: Path, weights: Path, target: Path) -> None:
    """Write the encoder described by `config` (config.json) with `weights` (safetensors) to `target`."""
    onnx.save(encoder(json.loads(config.read_text("utf-8")), safetensors(weights)), target)


def safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Every tensor of a safetensors file, mapped from disk. An 8-byte length, a JSON header, raw data."""
    data = np.memmap(path, np.uint8, "r")
    length = int(data[:8].view("<u8")[0])
    header = json.loads(bytes(data[8 : 8 + length]))
    header.pop("__metadata__", None)
    body = data[8 + length :]
    return {
        name: np.array(body[slice(*entry["data_offsets"])])
        .view(DTYPES[entry["dtype"]])
        .reshape(entry["shape"])
        for name, entry in header.items()
    }


def encoder(config: Mapping[str, Any], weights: Weights) -> onnx.ModelProto:
    """The whole graph; `config` is a Hugging Face BERT configuration with absolute positions."""
    graph = _Graph(weights, config["layer_norm_eps"])
    mask = graph.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    x = _embed(graph)
    for layer in range(config["num_hidden_layers"]):
        name = f"{graph.prefix}encoder.layer.{layer}."
        x = _attend(graph, x, mask, name + "attention.", config["hidden_size"], config["num_attention_heads"])
        inner = graph.op("Gelu", graph.linear(x, name + "intermediate.dense"))
        x = graph.norm(
            graph.op("Add", graph.linear(inner, name + "output.dense"), x), name + "output.LayerNorm"
        )
    _pool(graph, x, mask)
    return graph.model(config["hidden_size"])


def _embed(graph: _Graph) -> str:
    name = graph.prefix + "embeddings."
    words = graph.op("Gather", graph.weight(name + "word_embeddings.weight"), "input_ids")
    tokens = graph.op("Shape", "input_ids", start=1, end=2)
    positions = graph.op(
        "Slice", graph.weight(name + "position_embeddings.weight"), graph.ints(0), tokens, graph.ints(0)
    )
    segment = graph.constant(name + "segment", graph.weights[name + "token_type_embeddings.weight"][0])
    return graph.norm(graph.op("Add", graph.op("Add", words, positions), segment), name + "LayerNorm")


def _attend(graph: _Graph, x: str, mask: str, name: str, hidden: int, heads: int) -> str:
    size = hidden // heads

    def split(part: str, *order: int) -> str:
        whole = graph.linear(x, f"{name}self.{part}")
        return graph.op("Transpose", graph.op("Reshape", whole, graph.ints(0, 0, heads, size)), perm=order)

    query, key, value = split("query", 0, 2, 1, 3), split("key", 0, 2, 3, 1), split("value", 0, 2, 1, 3)
    scores = graph.op("Mul", graph.op("MatMul", query, key), graph.scalar(size**-0.5))
    padding = graph.op("Mul", graph.op("Sub", graph.scalar(1), mask), graph.scalar(MASKED_SCORE))
    scores = graph.op("Add", scores, graph.op("Unsqueeze", padding, graph.ints(1, 2)))
    mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value)
    mixed = graph.op("Reshape", graph.op("Transpose", mixed, perm=[0, 2, 1, 3]), graph.ints(0, 0, hidden))
    return graph.norm(
        graph.op("Add", graph.linear(mixed, name + "output.dense"), x), name + "output.LayerNorm"
    )


def _pool(graph: _Graph, x: str, mask: str) -> None:
    weight = graph.op("Unsqueeze", mask, graph.ints(2))
    total = graph.op("ReduceSum", graph.op("Mul", x, weight), graph.ints(1), keepdims=0)
    count = graph.op("Max", graph.op("ReduceSum", weight, graph.ints(1), keepdims=0), graph.scalar(1e-9))
    mean = graph.op("Div", total, count)
    graph.op("Div", mean, graph.op("ReduceL2", mean, graph.ints(-1), keepdims=1), name="embedding")


class _Graph:
    """Nodes and constants under construction; every method returns the name of its result."""

    def __init__(self, weights: Weights, epsilon: float) -> None:
        self.weights, self.epsilon = weights, epsilon
        self.prefix = "" if "embeddings.word_embeddings.weight" in weights else "bert."
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name].astype(np.float32))

    def scalar(self, value: float) -> str:
        return self.constant(f"scalar_{value}", np.array(value, np.float32))

    def ints(self, *values: int) -> str:
        return self.constant("ints_" + "_".join(map(str, values)), np.array(values, np.int64))

    def linear(self, x: str, name: str) -> str:
        matrix = self.constant(name + ".matrix", self.weights[name + ".weight"].T.astype(np.float32))
        return self.op("Add", self.op("MatMul", x, matrix), self.weight(name + ".bias"))

    def norm(self, x: str, name: str) -> str:
        gain, bias = self.weight(name + ".weight"), self.weight(name + ".bias")
        return self.op("LayerNormalization", x, gain, bias, axis=-1, epsilon=self.epsilon)

    def model(self, hidden: int) -> onnx.ModelProto:
        ids, mask = (
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        )
        output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", hidden])
        graph = helper.make_graph(self.nodes, "bert", [ids, mask], [output], list(self.constants.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
