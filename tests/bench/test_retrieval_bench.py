"""`python -m bench retrieval` on small sets of both formats."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bench.__main__ import main

from models.hub import serving as serving_hub
from models_tiny.crossencoder import build
from nexus_voice.models.catalogue import named
from nexus_voice.models.download import FromHub
from nexus_voice.models.pull import pull
from serving import plain_logs

TEXTS = {
    "pump": ("Pump", "The blue button starts the pump."),
    "filter": ("Filter", "Wash the filter with warm water.\nDry it well."),
    "oven": ("", "Bread is baked in the oven <at> two hundred degrees."),
    "empty": ("", ""),
}
ASKED = {"q1": "which button starts the pump", "q2": "warm water filter", "q3": "who won the cup"}
GRADES = [("q1", "pump", 1), ("q2", "filter", 2), ("q2", "oven", 0), ("q3", "nowhere", 1)]


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command within this process, with the fake embedder unless the environment says otherwise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEXUS_EMBEDDER__KIND", "fake")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*words: str, **environment: str) -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        status = main(["retrieval", *words])
        root.handlers[:] = handlers
        root.setLevel(level)
        plain_logs()
        return Done(status, *capsys.readouterr())

    return run


def lines(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "kitchen"
    lines(folder / "corpus.jsonl", [{"_id": id, "title": t, "text": text} for id, (t, text) in TEXTS.items()])
    lines(folder / "queries.jsonl", [{"_id": id, "text": text} for id, text in ASKED.items()])
    (folder / "qrels").mkdir()
    judged = "".join(f"{question}\t{document}\t{grade}\n" for question, document, grade in GRADES)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    return folder


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    def asked(id: str, question: str, *answers: str, **more: Any) -> dict[str, Any]:
        found = [{"text": text, "answer_start": 0} for text in answers]
        return {"id": id, "question": question, "answers": found, **more}

    pump = {
        "context": "The blue button starts the pump.",
        "qas": [
            asked("1", "Which button starts the pump?", "The blue button"),
            asked("2", "Who made the pump?", is_impossible=True, plausible_answers=[]),
        ],
    }
    oven = {
        "context": "Bread is baked in the oven.",
        "qas": [asked("3", "Where is bread baked?", "in the oven")],
    }
    path = tmp_path / "dev-v2.0.json"
    path.write_text(
        json.dumps({"version": "v2.0", "data": [{"title": "The_kitchen", "paragraphs": [pump, oven]}]})
    )
    return path


def test_a_beir_folder_is_measured(run: Run, beir: Path) -> None:
    done = run("--dataset", str(beir), "--json")
    assert done.status == 0, done.stderr
    body = json.loads(done.stdout)
    counts = (body["dataset"], body["documents"], body["chunks"], body["questions"], body["reranker"])
    assert counts == ("kitchen", 4, 3, 3, None)
    assert list(body["ways"]) == ["lexical", "vector", "hybrid"]
    for way in ("lexical", "hybrid"):  # two of three are found, and first; the third is nowhere
        assert body["ways"][way]["figures"] == pytest.approx(
            dict.fromkeys(("recall_5", "mrr_10", "ndcg_10"), 2 / 3)
        )
    assert all(0 < way["p50"] <= way["p95"] for way in body["ways"].values())
    assert 0 < body["chunks_per_second"]["words_and_vectors"] < body["chunks_per_second"]["words"]
    table = run("--dataset", str(beir), "--limit", "2").stdout
    assert "kitchen: 4 documents, 3 passages, 2 questions; fake, no reranker" in table
    assert "lexical      1.000    1.000     1.000" in table
    assert "recall@5   MRR@10   nDCG@10   p50 ms   p95 ms" in table


def test_judgements_may_be_named_themselves(run: Run, beir: Path) -> None:
    (beir / "qrels" / "own.tsv").write_text("q1\toven\t1\n")
    done = run("--dataset", str(beir / "qrels" / "own.tsv"), "--json")
    body = json.loads(done.stdout)
    assert body["questions"] == 1
    assert body["ways"]["lexical"]["figures"]["mrr_10"] < 1


def test_squad_is_measured_without_its_unanswerable_questions(run: Run, squad: Path) -> None:
    body = json.loads(run("--dataset", str(squad), "--json").stdout)
    assert (body["dataset"], body["documents"], body["questions"]) == ("dev-v2.0", 2, 2)
    assert body["ways"]["hybrid"]["figures"]["mrr_10"] == 1


def test_a_pulled_reranker_is_measured_too(
    run: Run, beir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = str(tmp_path / "data")
    missing = run("--dataset", str(beir), "--rerank", NEXUS_DATA_DIR=data)
    assert missing.status == 1
    assert "models pull ms-marco-minilm-l6-v2" in missing.stderr
    with serving_hub() as hub:
        model, made = named("ms-marco-minilm-l6-v2"), build(tmp_path / "made")
        hub.repos[model.repo] = {
            "onnx/model.onnx": (made / "model.onnx").read_bytes(),
            "tokenizer.json": (made / "tokenizer.json").read_bytes(),
            "config.json": b"{}",
        }
        hub.commits[model.repo] = "c" * 40
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        pull(model, tmp_path / "data" / "models", [FromHub()])
    arguments = ("--dataset", str(beir), "--json")
    body = json.loads(run(*arguments, NEXUS_DATA_DIR=data).stdout)
    assert body["reranker"] == "ms-marco-minilm-l6-v2"
    assert body["ways"]["hybrid+rerank"]["figures"]["recall_5"] == pytest.approx(2 / 3)
    without = json.loads(run(*arguments, "--no-rerank", NEXUS_DATA_DIR=data).stdout)
    assert "hybrid+rerank" not in without["ways"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "qrels" / "test.tsv").unlink(), "has no qrels/test.tsv"),
        (lambda folder: (folder / "queries.jsonl").unlink(), "has no queries.jsonl"),
        (lambda folder: (folder / "corpus.jsonl").write_text('{"_id": "1"}\n'), "corpus.jsonl, line 1"),
        (lambda folder: (folder / "queries.jsonl").write_text("[]\n"), "queries.jsonl, line 1"),
        (lambda folder: (folder / "qrels" / "test.tsv").write_text("q1\tpump\tvery\n"), "test.tsv, line 1"),
        (lambda folder: (folder / "qrels" / "test.tsv").write_bytes(b"\xff\xfe"), "not text in UTF-8"),
        (lambda folder: (folder / "qrels" / "test.tsv").write_text("q9\tpump\t1\n"), "no question"),
    ],
)
def test_a_broken_folder_is_one_clear_line(run: Run, beir: Path, spoil: Any, said: str) -> None:
    spoil(beir)
    done = run("--dataset", str(beir))
    assert done.status == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["[]", "{", '{"data": [{"paragraphs": [{}]}]}', '{"data": 5}'])
def test_a_json_file_that_is_not_squads_is_one_clear_line(run: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    done = run("--dataset", str(path))
    assert done.status == 1
    assert "is not a SQuAD file" in done.stderr
    assert run("--dataset", str(tmp_path / "none")).status == 1
