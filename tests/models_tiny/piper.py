"""A Piper voice of half a megabyte, made in a second: a steady tone for every phoneme."""

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
    folder: Path,
    name: str = "en_US-tiny-medium",
    *,
    language: str = "en-us",
    tone: int = 2,
    speakers: int = 1,
    in_one_piece: bool = False,
) -> Path:
    """Writes `name`.onnx and its .json into `folder`; returns the former.

    `tone` is the lowest phoneme's, in 86 Hz. Each of several `speakers` is louder than the one before. Like a
    real voice, the network draws a prior, and makes a latent and sound of it by convolutions. One
    `in_one_piece` has no such decoder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(HOP) / HOP
    table = np.stack([0.4 * np.sin(2 * np.pi * (tone + i % 5) * time) for i in range(len(SYMBOLS))])
    table[:4] = 0
    constants = {
        "table": table.astype(np.float32),
        "length": np.array([FRAMES], np.float32),
        "scale_at": np.array([1], np.int64),
        "one": np.array([1], np.int64),
        "phonemes": np.array([-1, 1, HOP], np.int64),
        "frames": np.array([1, -1, HOP], np.int64),
        "flat": np.array([1, 1, 1, -1], np.int64),
        "nothing": np.array(0, np.float32),
        "full": np.array(1, np.float32),
        "neighbours": np.tile(np.array([0.05, 0.9, 0.05], np.float32), (HOP, 1, 1)),
        "each_sample": np.eye(HOP, dtype=np.float32)[:, None],
        "loudness": np.linspace(1, 2, speakers, dtype=np.float32)[:, None, None],
    }
    by_neighbours = {"group": HOP, "pads": [1, 1], "kernel_shape": [3]}
    speaker = [helper.make_node("Gather", ["loudness", "sid"], ["speaker"])] if speakers > 1 else []
    nodes = [
        *speaker,
        helper.make_node("Gather", ["table", "input"], ["looked_up"], axis=0),  # (1, n, HOP)
        helper.make_node("Reshape", ["looked_up", "phonemes"], ["phoneme"]),  # (n, 1, HOP)
        helper.make_node("Gather", ["scales", "scale_at"], ["scale"]),
        helper.make_node("Mul", ["scale", "length"], ["exact"]),
        helper.make_node("Ceil", ["exact"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["times"], to=TensorProto.INT64),
        helper.make_node("Concat", ["one", "times", "one"], ["repeats"], axis=0),
        helper.make_node("Tile", ["phoneme", "repeats"], ["long"]),  # (n, times, HOP)
        helper.make_node("Reshape", ["long", "frames"], ["in_order"]),  # (1, frames, HOP)
        helper.make_node("Transpose", ["in_order"], ["mean"], perm=[0, 2, 1]),  # (1, HOP, frames)
        helper.make_node("Mul", ["mean", "nothing"], ["zeros"]),
        helper.make_node("Add", ["zeros", "full"], ["mask"]),
        helper.make_node("RandomNormalLike", ["mean"], ["drawn"]),
        helper.make_node("Mul", ["drawn", "nothing"], ["noise"]),
        helper.make_node("Add", ["mean", "noise"], ["prior"]),
        helper.make_node("Conv", ["prior", "neighbours"], ["moved"], **by_neighbours),
        helper.make_node("Mul", ["moved", "mask"], ["latent"]),
        helper.make_node("Conv", ["latent", "neighbours"], ["seen"], **by_neighbours),
        helper.make_node("Mul", ["seen", "speaker" if speaker else "full"], ["louder"]),
        helper.make_node("Transpose", ["louder"], ["back"], perm=[0, 2, 1])
        if in_one_piece
        else helper.make_node(
            "ConvTranspose", ["louder", "each_sample"], ["back"], strides=[HOP], kernel_shape=[HOP]
        ),
        helper.make_node("Reshape", ["back", "flat"], ["output"]),
    ]
    used = {key for node in nodes for key in node.input}
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "samples"])],
        [numpy_helper.from_array(value, key) for key, value in constants.items() if key in used],
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
        "num_speakers": speakers,
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "phoneme_id_map": {symbol: [id] for id, symbol in enumerate(SYMBOLS)},
    }
    path.with_name(f"{path.name}.json").write_text(json.dumps(settings))
    return path
