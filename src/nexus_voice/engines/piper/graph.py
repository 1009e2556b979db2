"""Cuts a Piper voice's network in three, so that its sound can be made in windows.

The network is a VITS (Kim et al. 2021). Its text encoder and duration predictor need the whole sentence; they
end in the prior, one random vector for each frame. The flow turns the prior into the latent, and the decoder
turns the latent into sound. These two are convolutions, which see only some frames to either side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import onnx
from onnx.helper import get_attribute_value, make_graph, make_model, make_tensor_value_info


class CannotSplit(Exception):
    """The network is not built like the voices of Piper that we know."""


@dataclass(frozen=True, slots=True)
class Part:
    """A network of its own. Each output depends on `reach` frames of the input to either side."""

    file: Path
    reach: int


def split(file: Path, folder: Path) -> tuple[Part, Part, Part]:
    """Write three networks to `folder`: from text to prior, from prior to latent, from latent to sound.

    Raises `CannotSplit`.
    The first output of each is the first input of the next. The other outputs of the first are what the
    others need besides: a mask of ones, and the speaker's vector if there are several.
    """
    graph = Graph(onnx.load(file))
    prior = graph.prior()
    after_prior = graph.after([prior])
    latent = graph.latent(after_prior)
    after_latent = graph.after([latent])
    sound = next((name for name in graph.outputs if name in after_latent), None)
    if sound is None:
        raise CannotSplit("its sound does not come from its latent")
    for_latent = graph.besides(prior, latent, after_prior)
    for_sound = graph.besides(latent, sound, after_latent)
    return (
        graph.part([], [prior, *sorted({*for_latent, *for_sound})], folder / "prior.onnx"),
        graph.part([prior, *for_latent], [latent], folder / "latent.onnx"),
        graph.part([latent, *for_sound], [sound], folder / "sound.onnx"),
    )


class Graph:
    """A network by the names of its tensors. Its nodes are in the order of their work, as ONNX demands."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._nodes = list(model.graph.node)
        self._weights = {weight.name: weight for weight in model.graph.initializer}
        self._inputs = [one for one in model.graph.input if one.name not in self._weights]
        self.outputs = [one.name for one in model.graph.output]
        if any(attribute.HasField("g") for node in self._nodes for attribute in node.attribute):
            raise CannotSplit("it has networks within its network")

    def prior(self) -> str:
        """The sum of the mean and the noise that is drawn last: the noise before it is for the durations."""
        drawn = [node.output[0] for node in self._nodes if node.op_type == "RandomNormalLike"]
        if not drawn:
            raise CannotSplit("it draws no random numbers")
        after = self.after(drawn[-1:])
        return str(self._first("Add", after).output[0])

    def latent(self, after_prior: set[str]) -> str:
        """The input of the convolution before the first one that makes a frame longer."""
        node = self._first("ConvTranspose", after_prior)
        maker = {name: node for node in self._nodes for name in node.output}
        while node.op_type != "Conv":
            node = maker[next(name for name in node.input if name in after_prior)]
        return str(node.input[0])

    def after(self, tensors: Iterable[str]) -> set[str]:
        """`tensors` and all that depend on them."""
        found = set(tensors)
        for node in self._nodes:
            if not found.isdisjoint(node.input):
                found.update(node.output)
        return found

    def besides(self, given: str, wanted: str, after: set[str]) -> list[str]:
        """What `wanted` is made of besides `given` and constants; `after` is all that depends on `given`."""
        nodes = [node for node in self._between([given], [wanted]) if not after.isdisjoint(node.output)]
        used = {name for node in nodes for name in node.input}
        return sorted(used & self._varying - after)

    def part(self, given: list[str], wanted: list[str], file: Path) -> Part:
        """Write the network that makes `wanted` from `given`: the network's own inputs if it is empty."""
        nodes = self._between(given, wanted)
        used = {name for node in nodes for name in node.input}
        floats = {name: make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in given + wanted}
        graph = make_graph(
            nodes,
            "part",
            [floats[name] for name in given] or self._inputs,
            [floats[name] for name in wanted],
            [weight for name, weight in self._weights.items() if name in used],
        )
        versions = {"opset_imports": self._model.opset_import, "ir_version": self._model.ir_version}
        onnx.save(make_model(graph, **versions), file)
        return Part(file, self._reach(nodes))

    @cached_property
    def _varying(self) -> set[str]:
        """All that depends on the inputs; the rest are constants."""
        return self.after(one.name for one in self._inputs)

    def _first(self, kind: str, among: set[str]) -> Any:
        for node in self._nodes:
            if node.op_type == kind and not among.isdisjoint(node.output):
                return node
        raise CannotSplit(f"it has no {kind} where one was expected")

    def _between(self, given: list[str], wanted: list[str]) -> list[Any]:
        needed, nodes = set(wanted) - set(given), []
        for node in reversed(self._nodes):
            if not needed.isdisjoint(node.output):
                nodes.append(node)
                needed.update(set(node.input) - set(given))
        return nodes[::-1]

    def _reach(self, nodes: list[Any]) -> int:
        """How many frames to either side the last of `nodes` sees of the first one's input."""
        reach: dict[str, float] = {}
        longer: dict[str, int] = {}  # samples for each frame
        for node in nodes:
            seen = max((reach.get(name, 0.0) for name in node.input), default=0.0)
            times = max((longer.get(name, 1) for name in node.input), default=1)
            if node.op_type in ("Conv", "ConvTranspose"):
                of = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
                width = self._weights[node.input[1]].dims[-1] - 1
                if node.op_type == "ConvTranspose":
                    times *= of["strides"][0]
                    seen += width / times
                else:
                    seen += width * of.get("dilations", [1])[0] / 2 / times
            reach.update(dict.fromkeys(node.output, seen))
            longer.update(dict.fromkeys(node.output, times))
        return ceil(max(reach.values(), default=0.0))
