"""`python -m bench`: all quick measurements and their table, in about ten minutes; or one measurement."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nexus_voice.cli.configure import settings
from nexus_voice.core.errors import NexusError
from nexus_voice.telemetry.logs import configure

from . import machine
from .answer import answer
from .answers.answers import answers
from .dsp import dsp
from .engines import engines
from .hearing import hearing
from .index import index
from .ingest import ingest, scans
from .intelligibility import intelligibility
from .report import report
from .retrieval import retrieval
from .roles import loop_lag
from .speculation import speculation
from .speech import speech
from .text import text
from .turns import turns
from .voice import listening, overload, voice

QUICK = [1, 10, 50, 100]
MODELS = Path("data", "models")


def counts(value: str) -> list[int]:
    return [int(part) for part in value.split(",")]


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", title="measurements (all of them, if none is named)")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=about, description=about)
        found.add_argument("--reps", type=int, default=1, help="runs; the median is kept [1]")
        return found

    speaking = command("voice", "Spoken conversations that interrupt every reply.")
    speaking.add_argument("--sessions", type=counts, default=QUICK, help="speakers at a time [1,10,50,100]")
    speaking.add_argument("--llm", choices=["fake", "http"], default="fake", help="where the model is [fake]")
    silent = command("listening", "Open microphones, nobody speaks.")
    silent.add_argument("--sessions", type=counts, default=[10], help="microphones at a time [10]")
    crowded = command("overload", "Twice as many speakers as there is room for.")
    crowded.add_argument("--sessions", type=int, default=100, help="room for how many [100]")
    asking = command("answer", "Spoken questions to the first sound of the answer, on the default install.")
    asking.add_argument("--sessions", type=counts, default=[1], help="speakers at a time [1]")
    command("text", "Typed questions on the embedded engines.")
    command("speech", "A sentence to its first audio.")
    command("dsp", "Front end and detector alone.")
    local = command("engines", "What a chain of engines costs, and the local engines by themselves.")
    local.add_argument("--whisper", type=Path, metavar="FOLDER", help="of a faster-whisper model to use")
    ahead = command("speculation", "A local model's first token, cold and with its prompt read ahead.")
    ahead.add_argument("--llm", type=Path, metavar="FILE", required=True, help="a model in the GGUF format")
    voices = command("intelligibility", "How soon voices begin, and what Whisper understands of them.")
    voices.add_argument("--voice", type=Path, metavar="FOLDER", required=True, help="of a Piper voice")
    voices.add_argument(
        "--whisper", type=Path, metavar="FOLDER", required=True, help="of a faster-whisper model"
    )
    indexing = command("index", "The knowledge base's index on SQLite and PostgreSQL.")
    indexing.add_argument("--chunks", type=int, default=100_000, help="in the base [100,000]")
    lag = command("lag", "How late the event loop runs while eight clients use a model at a time.")
    lag.add_argument("--whisper", type=Path, metavar="FOLDER", help="of a faster-whisper model to use")
    about = "Which sounds interrupt a speaking assistant, with Whisper and Piper."
    spoken_over = commands.add_parser("barge-in", help=about, description=about)
    spoken_over.add_argument(
        "--whisper", type=Path, default=MODELS / "whisper-base", metavar="FOLDER", help="of the model [base]"
    )
    spoken_over.add_argument(
        "--voice", type=Path, default=MODELS / "en_US-joe-medium", metavar="FOLDER", help="of a Piper voice"
    )
    spoken_over.add_argument(
        "--speech",
        type=Path,
        metavar="FOLDER",
        help="recordings of people, with clips.tsv",
    )
    spoken_over.add_argument(
        "--decode", type=float, default=0.0, metavar="S", help="seconds a decode takes [what it takes here]"
    )
    folder = command("ingest", "A large folder through the command: memory and time.")
    folder.add_argument("--scans", type=int, default=0, help="instead, a PDF of so many scanned pages")
    folder.add_argument("--gigabytes", type=float, default=2, help="how large [2]")
    about = "How well the questions of a public set find their documents."
    finding = commands.add_parser("retrieval", help=about, description=about)
    finding.add_argument(
        "--dataset", type=Path, required=True, help="a folder in BEIR's layout, or a SQuAD JSON file"
    )
    finding.add_argument("--limit", type=int, help="ask at most so many of its questions")
    finding.add_argument(
        "--rerank", action=argparse.BooleanOptionalAction, help="measure the reranker too [if it is pulled]"
    )
    finding.add_argument("--json", action="store_true", help="print one JSON object")
    about = "When a turn is taken to be over: how often speakers are cut off, and how long they wait."
    ending = commands.add_parser("turns", help=about, description=about)
    ending.add_argument("--clips", type=Path, metavar="FOLDER", help="of recordings with a clips.tsv")
    ending.add_argument("--stt", default="whisper-base", help="the recogniser's model [whisper-base]")
    ending.add_argument(
        "--assume",
        type=counts,
        metavar="MS,MS",
        help="count on the recogniser's and the judge's answers after so long, not as measured",
    )
    ears = command("hearing", "How well and how soon Whisper hears a folder of clips.")
    ears.add_argument("--clips", type=Path, required=True, metavar="FOLDER", help="sound files and clips.tsv")
    ears.add_argument("--whisper", type=Path, metavar="FOLDER", help="the model [whisper-base, as pulled]")
    ears.add_argument("--speakers", type=counts, default=[1], help="who speak at a time [1]")
    ears.add_argument("--threads", type=int, default=0, help="of the recogniser; 0: chosen by itself [0]")
    about = "How many questions are answered right without a language model."
    quoting = commands.add_parser("answers", help=about, description=about)
    quoting.add_argument("--shown", action="store_true", help="the answers for the screen, not for the voice")
    commands.add_parser(
        "report", help="The table of what was measured; exits with 1 when a target is missed."
    )
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit status. `words` stands for `sys.argv[1:]`."""
    chosen = arguments(words)
    if chosen.command == "report":
        return report()
    if chosen.command in ("retrieval", "turns"):
        return measured_with_models(chosen)
    if chosen.command == "answers":
        configure("error")
        answers(chosen.shown)
        return 0
    if sys.platform != "linux":
        print("The measurements read /proc and pin processes to cores: they need Linux.", file=sys.stderr)
        return 2
    if (os.cpu_count() or 1) < 2:
        print("Only one core: server and speakers share it, and the figures mean little.", file=sys.stderr)
    if chosen.command == "hearing":  # the recogniser has all cores
        whisper = chosen.whisper or settings().data_dir / "models" / "whisper-base"
        for speakers in chosen.speakers:
            hearing(chosen.clips, whisper, speakers, chosen.threads, chosen.reps)
        return 0
    machine.settle(machine.CLIENT_CORE)
    match chosen.command:
        case "voice":
            voice(chosen.sessions, chosen.reps, chosen.llm)
        case "listening":
            listening(chosen.sessions, chosen.reps)
        case "overload":
            overload(chosen.sessions, chosen.reps)
        case "answer":
            answer(chosen.sessions, chosen.reps)
        case "text":
            text(chosen.reps)
        case "speech":
            speech(chosen.reps)
        case "dsp":
            dsp(chosen.reps)
        case "engines":
            engines(chosen.reps, chosen.whisper)
        case "speculation":
            speculation(chosen.reps, chosen.llm)
        case "intelligibility":
            intelligibility(chosen.reps, chosen.voice, chosen.whisper)
        case "index":
            index(chosen.reps, chosen.chunks)
        case "barge-in":
            from .barge_in import barge_in  # Whisper and the tests' stage take a while to import

            barge_in(chosen.whisper, chosen.voice, chosen.speech, chosen.decode)
        case "lag":
            loop_lag(chosen.reps, chosen.whisper)
        case "ingest":
            if chosen.scans:
                scans(chosen.scans, chosen.reps)
            else:
                ingest(chosen.gigabytes, chosen.reps)
        case _:
            dsp(1)
            speech(1)
            text(1)
            listening([10], 1)
            voice(QUICK, 1, "fake")
            overload(100, 1)
            engines(1, None)
            loop_lag(1, None)
            return report()
    return 0


def measured_with_models(chosen: argparse.Namespace) -> int:
    """Measure with the engines and models that the user's settings choose."""
    configure("error")
    try:
        if chosen.command == "turns":
            words, sound = chosen.assume or (0, 0)
            turns(settings(), chosen.clips, chosen.stt, (words / 1e3, sound / 1e3) if words else None)
        else:
            retrieval(
                settings(),
                chosen.dataset,
                limit=chosen.limit,
                rerank=chosen.rerank,
                as_json=chosen.json,
            )
    except NexusError as error:
        print(f"bench: {error.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
