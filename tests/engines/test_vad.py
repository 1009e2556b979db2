"""Voice activity detection: the real network, on speech and noise made by the machine."""

from __future__ import annotations

import builtins
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clips
from nexus_voice.audio.loudness import NoiseFloor
from nexus_voice.core.audio import RATE, Pcm, Voicing, silence
from nexus_voice.core.errors import BadInput, EngineError
from nexus_voice.engines.energy.vad import EnergyVad
from nexus_voice.engines.silero import vad as vad_silero
from nexus_voice.engines.silero.network import MAX_BATCH, SileroNet
from nexus_voice.engines.silero.vad import SileroVad
from nexus_voice.engines.webrtc.vad import WebrtcVad
from nexus_voice.ports import Detector, Vad

SILERO = SileroVad()
VADS = [SILERO, EnergyVad(), WebrtcVad()]
TEXTS = ("could you tell me what the weather is going to be tomorrow", "yes", "how do I add a language model")


async def hear(detector: Detector, pcm: Pcm, frame: int = 320) -> list[Voicing]:
    out: list[Voicing] = []
    for at in range(0, len(pcm.data), 2 * frame):
        out += await detector(Pcm(pcm.data[at : at + 2 * frame], RATE))
    return out


def listen(vad: Vad, pcm: Pcm, sensitivity: float = 0.5, frame: int = 320) -> list[Voicing]:
    return anyio.run(hear, vad.open(sensitivity), pcm, frame)


def dated(windows: list[Voicing]) -> tuple[int, int]:
    """First and last voiced sample, as endpointing reads them."""
    at, first, last = 0, -1, -1
    for window in windows:
        at += window.samples
        if window.probability >= 0.5 and window.trail < window.samples:
            first = at - window.samples + window.lead if first < 0 else first
            last = at - window.trail
    return first, last


def model() -> Path:
    package = find_spec("faster_whisper")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0], "assets/silero_vad_v6.onnx")


def test_network_equals_onnxruntime_alone_and_in_batches() -> None:
    rounding = 5e-5  # float32 sums come in another order on another CPU
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    reference = onnxruntime.InferenceSession(str(model()), options, providers=["CPUExecutionProvider"])
    net, rng = SileroNet(model()), np.random.default_rng(5)
    speech = clips.samples(clips.say(TEXTS[0])).astype(np.float32)
    windows = np.stack([speech[at : at + 576] for at in range(0, 30 * 576, 576)])
    outputs, cells = rng.standard_normal((2, len(windows), 128)).astype(np.float32) * 0.3
    expected = [
        reference.run(None, {"input": w[None], "h": h[None, None], "c": c[None, None]})
        for w, h, c in zip(windows, outputs, cells, strict=True)
    ]
    for size in (1, 3, 30):
        for at in range(0, len(windows), size):
            rows = slice(at, at + size)
            net.windows[:size, :576] = windows[rows]
            net.inputs[:size, 128:] = outputs[rows]
            result = net.run(size, cells[rows])
            for n, (probability, output, cell) in enumerate(zip(*result, strict=True)):
                wanted = expected[at + n]
                assert probability == pytest.approx(wanted[0].item(), abs=1e-5)
                np.testing.assert_allclose(output, wanted[1][0, 0], atol=rounding)
                np.testing.assert_allclose(cell, wanted[2][0, 0], atol=rounding)


@pytest.mark.parametrize("vad", VADS, ids=lambda vad: vad.name)
def test_contract(vad: Vad) -> None:
    speech = clips.join(clips.quiet(0.5), clips.say(TEXTS[0]), clips.quiet(0.5))
    windows = listen(vad, speech)
    assert sum(w.samples for w in windows) <= speech.samples
    assert len({w.samples for w in windows}) == 1
    assert all(0 <= w.probability <= 1 for w in windows)
    assert all(0 <= w.lead <= w.samples and 0 <= w.trail <= w.samples for w in windows)
    assert sum(w.probability >= 0.5 for w in windows) > 40
    for frame in (1, 511, 100_000):
        again = listen(vad, Pcm(speech.data[: 4 * RATE], RATE), frame=frame)
        assert [w.lead for w in again] == [w.lead for w in windows[: len(again)]]
        got, wanted = ([w.probability for w in ws] for ws in (again, windows[: len(again)]))
        assert got == pytest.approx(wanted, abs=1e-4)
    detector = vad.open()
    with pytest.raises(BadInput):
        anyio.run(detector, silence(0.1, 8_000))


@pytest.mark.parametrize("vad", VADS, ids=lambda vad: vad.name)
def test_reset_forgets(vad: Vad) -> None:
    speech = clips.join(clips.quiet(0.3), clips.say(TEXTS[1]))

    async def twice() -> tuple[list[Voicing], list[Voicing]]:
        detector = vad.open()
        first = await hear(detector, speech)
        detector.reset()
        return first, await hear(detector, speech)

    first, second = anyio.run(twice)
    assert first == second


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(silence(3), id="zeros"),
        pytest.param(clips.quiet(3), id="dither"),
        pytest.param(clips.noise(3, -30), id="white"),
        pytest.param(clips.noise(3, -40, 1.0), id="pink"),
        pytest.param(clips.tone(3, [440]), id="tone"),
        pytest.param(clips.tone(3, [50, 100, 150, 250]), id="mains hum"),
        pytest.param(clips.clicks(3), id="keyboard"),
        pytest.param(clips.music(3), id="music"),
        pytest.param(clips.join(clips.quiet(1), clips.cough(), clips.quiet(1)), id="cough"),
    ],
)
def test_silero_hears_no_speech_where_none_is(sound: Pcm) -> None:
    assert [w for w in listen(SILERO, sound) if w.probability >= 0.5] == []


@pytest.mark.parametrize("phase", range(0, 512, 64))
@pytest.mark.parametrize("text", TEXTS)
def test_speech_is_dated_in_quiet(text: str, phase: int) -> None:
    speech = clips.say(text)
    begin = RATE + phase
    sound = clips.join(clips.quiet(begin / RATE), speech, clips.quiet(0.8, 1))
    first, last = dated(listen(SILERO, sound))
    assert abs(last - begin - speech.samples) <= 0.025 * RATE
    assert abs(first - begin) <= (0.115 if text.startswith("how") else 0.05) * RATE  # Silero is slow on "h"


@pytest.mark.parametrize(
    ("below", "colour", "early", "late"), [(20, 0, 60, 60), (20, 1, 60, 60), (10, 0, 80, 250)]
)
@pytest.mark.parametrize("text", [*TEXTS, "no thanks"])
def test_speech_is_dated_in_noise(text: str, below: int, colour: float, early: int, late: int) -> None:
    speech = clips.say(text)
    for phase in (0, 170, 340):
        begin = round(1.5 * RATE) + phase
        sound = clips.join(clips.quiet(begin / RATE), speech, clips.quiet(0.8, 1))
        sound = clips.mix(sound, clips.noise(sound.seconds, -20 - below, colour, phase))
        _, last = dated(listen(SILERO, sound))
        assert -early * RATE <= 1000 * (last - begin - speech.samples) <= late * RATE


@pytest.mark.parametrize(("level", "noise"), [(-20, None), (-40, None), (-50, None), (-20, -35), (-40, -55)])
def test_gate_spares_the_network_and_delays_nobody(
    level: float, noise: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 0
    run = SileroNet.run

    def counted(self: SileroNet, n: int, cells: Any) -> Any:
        nonlocal runs
        runs += 1
        return run(self, n, cells)

    monkeypatch.setattr(SileroNet, "run", counted)
    sound = clips.join(clips.quiet(6), clips.say(TEXTS[0], level=level), clips.quiet(0.5))
    if noise is not None:
        sound = clips.mix(sound, clips.noise(sound.seconds, noise))
    gated = [w.probability >= 0.5 for w in listen(SILERO, sound)]
    assert runs < len(gated) * 0.75
    runs = 0
    monkeypatch.setattr(vad_silero._Detector, "_silent", lambda self, power: False)
    monkeypatch.setattr(vad_silero._Detector, "_faint", lambda self, heard: False)
    free = [w.probability >= 0.5 for w in listen(SILERO, sound)]
    assert runs == len(free)
    assert gated.index(True) <= free.index(True)
    assert sum(gated) >= sum(free) - 2


def test_sensitivity_moves_the_threshold() -> None:
    sound = clips.mix(clips.say(TEXTS[0], level=-38), clips.noise(2.6, -40))
    counts = [sum(w.probability >= 0.5 for w in listen(SILERO, sound, s)) for s in (0.0, 0.5, 1.0)]
    assert counts[0] < counts[1] < counts[2]
    assert listen(SILERO, sound, -3.0) == listen(SILERO, sound, 0.0)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_sessions_share_a_batch_and_nothing_else(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sounds = [clips.join(clips.quiet(0.2, n), clips.say(TEXTS[n % 3])) for n in range(MAX_BATCH + 6)]
    sounds = [Pcm(sound.data[: 2 * 512 * 20], RATE) for sound in sounds]
    alone = [listen(SILERO, sound) for sound in sounds[:3]]
    sizes: list[int] = []
    run = SileroNet.run

    def counted(self: SileroNet, n: int, cells: Any) -> Any:
        sizes.append(n)
        return run(self, n, cells)

    monkeypatch.setattr(SileroNet, "run", counted)
    together: dict[int, list[Voicing]] = {}

    async def one(n: int) -> None:
        together[n] = await hear(SILERO.open(), sounds[n], 512)

    async def everybody() -> None:
        async with anyio.create_task_group() as tasks:
            for n in range(len(sounds)):
                tasks.start_soon(one, n)

    anyio.run(everybody, backend=backend)
    assert max(sizes) == MAX_BATCH
    for n in range(3):
        got, wanted = ([w.probability for w in ws] for ws in (together[n], alone[n]))
        assert got == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("victim", [0, 1])
def test_a_cancelled_session_harms_nobody(backend: str, victim: int) -> None:
    """The first of three leads the batch; whoever is cancelled in it, the others get their answers."""
    speech = clips.say(TEXTS[0])
    window = Pcm(speech.data[20_000:21_024], RATE)

    async def scenario() -> list[int]:
        heard: list[int] = []
        scopes = [anyio.CancelScope() for _ in range(3)]

        async def one(n: int) -> None:
            with scopes[n]:
                heard.extend([n] * len(await detectors[n](window)))

        detectors = [SILERO.open() for _ in range(3)]
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for n in range(3):
                    tasks.start_soon(one, n)
                scopes[victim].cancel()
            return sorted(heard)

    heard = anyio.run(scenario, backend=backend)
    assert [n for n in heard if n != victim] == [n for n in range(3) if n != victim]


def test_energy_learns_a_steady_noise() -> None:
    sound = clips.mix(clips.noise(6, -30), clips.say(TEXTS[0], level=-10), at=[0, 3])
    windows = listen(EnergyVad(), sound)
    assert not any(w.probability >= 0.5 for w in windows[70:90])
    assert sum(w.probability >= 0.5 for w in windows[94:170]) > 40


def test_webrtc_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "webrtcvad":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EngineError, match=r"nexus-voice\[webrtcvad\]"):
        WebrtcVad()


@pytest.mark.parametrize("damage", [b"", b"junk" * 100, None])
def test_a_broken_model_says_so(damage: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model().read_bytes()[:100_000] if damage is None else damage)
    with pytest.raises(EngineError, match="reinstall"):
        SileroVad(path)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.integers(1, 50))
@settings(deadline=None)
def test_noise_floor_is_the_quietest_of_the_last_span(levels: list[float], span: int) -> None:
    floor = NoiseFloor(span)
    for n, level in enumerate(levels):
        power = floor.hear(level, 1)
        recent = [max(x, 10**-7.5) for x in levels[max(0, n + 1 - span) : n + 1]]
        assert min(max(x, 10**-7.5) for x in levels[: n + 1]) <= power <= min(recent)
