"""Measures when a turn is taken to be over: how often speakers are cut off, and how long they wait.

Each moment of silence (`turn_moments.py`) is put to the product's own engines as the ear does it: after
`MAX_GAP_S` the recogniser looks at what was said, and after `STABLE_PAUSE_S` the judge is asked. Then the
product's own rule decides again with each answer, at the time at which it came.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from nexus_voice.core.errors import BadInput
from nexus_voice.engines.piper.tts import PiperTts
from nexus_voice.engines.smart_turn.judge import SmartTurn
from nexus_voice.engines.whisper.stt import WhisperStt
from nexus_voice.settings import Settings
from nexus_voice.supply.discovery import pulled
from nexus_voice.talk.listening.endpointing import MAX_GAP_S, STABLE_PAUSE_S
from nexus_voice.talk.listening.turn_end import Evidence, silence_to_wait

from . import figures
from .turn_moments import Moment, of_clips, of_sentences, transcribed

USUAL_S = 0.5
"""The usual silence, as the settings have it."""
COMING = Evidence(heard_out=False)
"""While the recogniser looks at what was said."""
PLAIN_WORDS = "fine weather"
"""They say nothing about whether the speaker has finished."""
TRIED_S = [step / 100 for step in range(20, 161)]
"""Fixed windows and usual silences that are tried to find one that cuts off as often."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the engines say of a moment, and how many seconds of silence had passed then."""

    moment: Moment
    words: str
    words_at: float
    finished: float
    finished_at: float


Rule = Callable[[Known, float], float]
"""What is known and the usual silence -> the silence that ends the turn."""


def fixed(known: Known, usual: float) -> float:
    return usual


def words_alone(known: Known, usual: float) -> float:
    return decided(COMING, [(known.words_at, {"words": known.words, "heard_out": True})], usual)


def sound_alone(known: Known, usual: float) -> float:
    return decided(Evidence(PLAIN_WORDS), [(known.finished_at, {"finished": known.finished})], usual)


def both(known: Known, usual: float) -> float:
    words, sound = {"words": known.words, "heard_out": True}, {"finished": known.finished}
    return decided(COMING, [(known.words_at, words), (known.finished_at, sound)], usual)


RULES: dict[str, Rule] = {
    "fixed window": fixed,
    "words alone": words_alone,
    "sound alone": sound_alone,
    "words and sound": both,
}


def decided(known: Evidence, answers: Sequence[tuple[float, dict[str, Any]]], usual: float) -> float:
    """The silence that ends the turn, decided again with each answer: (seconds of silence, what it adds)."""
    at = 0.0
    for when, answer in sorted(answers, key=lambda answer: answer[0]):
        if (wait := max(at, silence_to_wait(known, usual))) < when:
            return wait
        at, known = when, replace(known, **answer)
    return max(at, silence_to_wait(known, usual))


async def asked(moments: AsyncIterator[Moment], stt: WhisperStt, judge: SmartTurn) -> list[Known]:
    """Puts each moment to the engines; those with the same sound are put once."""
    found: dict[bytes, Known] = {}
    known: list[Known] = []
    async for moment in moments:
        if moment.sound not in found:
            begun = time.perf_counter()
            words = (await transcribed(stt, moment.heard(MAX_GAP_S))).text
            between = time.perf_counter()
            finished = await judge.finished(moment.heard(STABLE_PAUSE_S))
            ended = time.perf_counter()
            found[moment.sound] = Known(
                moment, words, MAX_GAP_S + between - begun, finished, STABLE_PAUSE_S + ended - between
            )
        known.append(replace(found[moment.sound], moment=moment))
    return known


def cut_off(known: Iterable[Known], rule: Rule, usual: float) -> float:
    """The share of pauses that are taken for the end; each kind of them counts the same."""
    kinds: dict[str, list[bool]] = {}
    for one in known:
        if one.moment.pause is not None:
            kinds.setdefault(one.moment.kind, []).append(rule(one, usual) < one.moment.pause)
    return statistics.mean(statistics.mean(map(float, taken)) for taken in kinds.values())


def waits(known: Iterable[Known], rule: Rule, usual: float) -> list[float]:
    return [rule(one, usual) for one in known if one.moment.pause is None]


def milliseconds(values: Sequence[float]) -> dict[str, float]:
    return {f"p{share}": round(1e3 * figures.percentile(values, share / 100)) for share in (50, 90)}


def of_rule(known: Sequence[Known], rule: Rule) -> dict[str, Any]:
    """Waits and cut-offs with the usual silence, by kind and in all.

    What is `felt` lasts until the final text, which is not there before the recogniser has looked.
    """
    ends = [one for one in known if one.moment.pause is None]
    kinds = dict.fromkeys(one.moment.kind for one in known if one.moment.pause is not None)
    everyone = cut_off(known, rule, USUAL_S)
    least = next(
        (usual for usual in TRIED_S if cut_off(known, rule, usual) <= cut_off(known, fixed, USUAL_S)), 0.0
    )
    return {
        "cut_off": round(everyone, 3),
        "cut_off_by_kind": {
            kind: round(cut_off([one for one in known if one.moment.kind == kind], rule, USUAL_S), 3)
            for kind in kinds
        },
        "wait_ms": milliseconds(waits(known, rule, USUAL_S)),
        "felt_ms": milliseconds([max(rule(one, USUAL_S), one.words_at) for one in ends]),
        "wait_ms_at_the_fixed_windows_cut_offs": milliseconds(waits(known, rule, least)),
        "fixed_window_with_these_cut_offs_ms": round(
            1e3 * next((window for window in TRIED_S if cut_off(known, fixed, window) <= everyone), 9.0)
        ),
    }


async def measured(clips: Path | None, recogniser: str, settings: Settings) -> list[Known]:
    models = pulled(settings)
    for kind, name in (("whisper", recogniser), ("smart_turn", ""), ("piper", "")):
        if not models.get(kind) or (name and name not in models[kind]):
            raise BadInput(f"There is no {name or kind} model here: run `nexus-voice models pull`.")
    async with AsyncExitStack() as stack:
        stt = await stack.enter_async_context(WhisperStt(models["whisper"][recogniser]))
        judge = await stack.enter_async_context(SmartTurn(next(iter(models["smart_turn"].values()))))
        tts = await stack.enter_async_context(PiperTts(next(iter(models["piper"].values()))))
        for engine in (stt, judge, tts):
            await engine.ready()
        known = await asked(of_sentences(tts), stt, judge)
        return known + (
            await asked(of_clips(clips, stt, recogniser.endswith(".en")), stt, judge) if clips else []
        )


def turns(
    settings: Settings, clips: Path | None, recogniser: str, assumed: tuple[float, float] | None
) -> None:
    """`assumed`: seconds that the recogniser and the judge take; None: as measured."""
    known = anyio.run(measured, clips, recogniser, settings)
    took = {
        "decode_ms": round(1e3 * statistics.median(one.words_at - MAX_GAP_S for one in known)),
        "judge_ms": round(1e3 * statistics.median(one.finished_at - STABLE_PAUSE_S for one in known)),
    }
    if assumed:
        words_at, finished_at = MAX_GAP_S + assumed[0], STABLE_PAUSE_S + assumed[1]
        known = [replace(one, words_at=words_at, finished_at=finished_at) for one in known]
    people = [one for one in known if one.moment.kind.startswith("clip")]
    run: dict[str, Any] = dict(took)
    print(
        f"{recogniser}: {len(known)} moments, {took['decode_ms']} ms a decode, {took['judge_ms']} ms a judge"
    )
    print(
        "",
        "| rule | cut off | wait ms p50 / p90 | felt ms | wait ms, cut off as often as by the window | "
        "fixed window ms with these cut-offs |",
        "|---|---|---|---|---|---|",
        sep="\n",
    )
    for group, those in (("people", people), ("all", known)):
        for name, rule in RULES.items() if those else ():
            found = run.setdefault(group, {})[name] = of_rule(those, rule)
            wait, felt = found["wait_ms"], found["felt_ms"]
            same = found["wait_ms_at_the_fixed_windows_cut_offs"]
            print(
                f"| {group}: {name} | {found['cut_off']:.0%} | {wait['p50']} / {wait['p90']} | "
                f"{felt['p50']} / {felt['p90']} | {same['p50']} / {same['p90']} | "
                f"{found['fixed_window_with_these_cut_offs_ms']} |"
            )
    for kind in run["all"]["fixed window"]["cut_off_by_kind"]:
        shares = (f"{name} {run['all'][name]['cut_off_by_kind'][kind]:.0%}" for name in RULES)
        print(f"{kind}: {', '.join(shares)} cut off")
    figures.save(f"turns-{recogniser}", [run], assumed_s=assumed)
