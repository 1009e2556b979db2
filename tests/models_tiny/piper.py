"""A Piper voice of a few hundred kilobytes, made in a second: a steady tone for every phoneme."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HOP = 256
"""Samples of one frame; a phoneme lasts `FRAMES` of them at a length scale of 1."""
FRAMES = 4
SYMBOLS = (
    "_^$ abcdefghijklmnopqrstuvwxyz!',-.:;?" + "æçðøħŋœǀǁǂǃβθχ̩̪̯̃̊ː" + "".join(map(chr, range(0x250, 0x2D0)))
)
"""Padding, start, end and space come first; the rest are letters of the IPA."""


def tiny_voice(
    folder: Path, name: str = "en_US-tiny-medium", *, language: str = "en-us", tone: int = 2
) -> Path:
    """Writes `name`.onnx and its .json into `folder`; returns the former. `tone` is the lowest phoneme's, in
    86 Hz."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(HOP) / HOP
    table = np.stack([0.4 * np.sin(2 * np.pi * (tone + i % 5) * time) for i in range(len(SYMBOLS))])
    table[:4] = 0
    constants = {
        "table": table.astype(np.float32),
        "frames": np.array([FRAMES], np.float32),
        "scale_at": np.array([1], np.int64),
        "one": np.array([1], np.int64),
        "flat": np.array([1, 1, 1, -1], np.int64),
        "ids": np.array([-1, 1, HOP], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input"], ["looked_up"], axis=0),  # (1, n, HOP)
        helper.make_node("Reshape", ["looked_up", "ids"], ["frame"]),  # (n, 1, HOP)
        helper.make_node("Gather", ["scales", "scale_at"], ["scale"]),
        helper.make_node("Mul", ["scale", "frames"], ["length"]),
        helper.make_node("Ceil", ["length"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["times"], to=TensorProto.INT64),
        helper.make_node("Concat", ["one", "times", "one"], ["repeats"], axis=0),
        helper.make_node("Tile", ["frame", "repeats"], ["sound"]),  # (n, times, HOP)
        helper.make_node("Reshape", ["sound", "flat"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "samples"])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    settings = {
        "audio": {"sample_rate": 22_050},
        "espeak": {"voice": language},
        "phoneme_type": "espeak",
        "num_symbols": len(SYMBOLS),
        "num_speakers": 1,
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": {symbol: [id] for id, symbol in enumerate(SYMBOLS)},
    }
    path.with_name(f"{path.name}.json").write_text(json.dumps(settings))
    return path
