"""Reads public sets of questions and the documents that answer them: BEIR folders and SQuAD JSON files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from nexus_voice.core.errors import BadInput

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
SPLITS = ("test.tsv", "dev.tsv", "train.tsv")
"""The judgement files of a BEIR folder; the first one that exists is used."""


@dataclass(frozen=True, slots=True)
class Document:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """`grades` maps a question's id to the ids of the documents that answer it, each with a grade above 0.
    Every question has at least one such document."""

    name: str
    documents: dict[str, Document]
    questions: dict[str, str]
    grades: dict[str, dict[str, int]]


def load(path: Path, limit: int | None = None) -> Dataset:
    """Read a BEIR folder (or its corpus.jsonl, or one of its qrels/*.tsv) or a SQuAD JSON file (1.1 or 2.0).

    At most `limit` questions are kept, but all documents, because a smaller corpus is easier to search.
    Raises `BadInput`.
    """
    if not path.exists():
        raise BadInput(f"There is no {path}.", code="dataset_missing")
    try:
        if path.suffix == ".json":
            return squad(path, limit)
        return beir(path, limit)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", code="dataset_unreadable") from error


def beir(path: Path, limit: int | None) -> Dataset:
    """Read a folder in BEIR's layout: corpus.jsonl, queries.jsonl, and qrels/test.tsv with the columns
    query-id, corpus-id and score (Thakur et al., "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of
    Information Retrieval Models", 2021)."""
    folder = path if path.is_dir() else path.parent.parent if path.suffix == ".tsv" else path.parent
    found = (folder / QRELS / split for split in SPLITS)
    judged = path if path.suffix == ".tsv" else next((one for one in found if one.is_file()), None)
    missing = [name for name in (CORPUS, QUERIES) if not (folder / name).is_file()]
    missing += [] if judged else [f"{QRELS}/{SPLITS[0]}"]
    if missing or judged is None:
        raise BadInput(
            f"{path} is not a dataset: {folder} has no {' and no '.join(missing)}. Give a folder in BEIR's "
            f"layout ({CORPUS}, {QUERIES}, {QRELS}/{SPLITS[0]}) or a SQuAD JSON file.",
            code="dataset_unknown",
        )
    grades = judgements(judged)
    texts = {one[0]: one[1] for one in lines(folder / QUERIES)}
    asked = [id for id in grades if id in texts][:limit]
    documents = {id: Document(title, text) for id, text, title in lines(folder / CORPUS)}
    return _checked(
        Dataset(folder.name, documents, {id: texts[id] for id in asked}, {id: grades[id] for id in asked}),
        path,
    )


def judgements(path: Path) -> dict[str, dict[str, int]]:
    """Read a TSV file of question, document and grade; grades of 0 are left out."""
    grades: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        fields = line.split("\t")
        if not line.strip() or (number == 1 and "id" in fields[0].lower()):
            continue
        try:
            question, document, grade = fields
            if int(grade) > 0:
                grades.setdefault(question, {})[document] = int(grade)
        except ValueError:
            raise _broken(path, number, "three columns: question, document, a whole number") from None
    return grades


def lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Read (id, text, title) from each line of a JSON Lines file."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    one = orjson.loads(line)
                    yield str(one["_id"]), str(one["text"]), str(one.get("title") or "")
                except (ValueError, TypeError, KeyError, AttributeError):
                    raise _broken(path, number, 'a JSON object with "_id" and "text"') from None


def squad(path: Path, limit: int | None) -> Dataset:
    """Read a SQuAD file: each paragraph is a document, and questions without an answer are left out.
    Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text", 2016."""
    documents: dict[str, Document] = {}
    questions: dict[str, str] = {}
    grades: dict[str, dict[str, int]] = {}
    try:
        for article in orjson.loads(path.read_bytes())["data"]:
            for paragraph in article["paragraphs"]:
                context = str(paragraph["context"])
                document = sha256(context.encode()).hexdigest()[:16]
                documents[document] = Document(str(article.get("title", "")).replace("_", " "), context)
                for one in answered(paragraph["qas"]):
                    questions[str(one["id"])] = str(one["question"]).strip()
                    grades[str(one["id"])] = {document: 1}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(
            f"{path} is not a SQuAD file, which has data, paragraphs, context and qas ({error!r}).",
            code="dataset_unknown",
        ) from None
    asked = list(questions)[:limit]
    return _checked(
        Dataset(path.stem, documents, {id: questions[id] for id in asked}, {id: grades[id] for id in asked}),
        path,
    )


def answered(questions: list[Any]) -> list[Any]:
    return [one for one in questions if not one.get("is_impossible") and one["answers"]]


def _checked(dataset: Dataset, path: Path) -> Dataset:
    if not dataset.questions:
        raise BadInput(f"{path} has no question with a judged answer.", code="dataset_empty")
    return dataset


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not text in UTF-8.", code="dataset_unreadable") from None


def _broken(path: Path, line: int, wanted: str) -> BadInput:
    return BadInput(f"{path}, line {line}: expected {wanted}.", code="dataset_broken")
