"""Work on text from clients, documents and models takes time that grows with the text, not with its square.

Each function meets texts made to be as bad for it as possible, of up to 200 kB. Twice the text may take about
twice the time. What takes less than a moment counts as linear, so that noise cannot fail a test.
"""

import gc
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import process_time

import pytest

from nexus_voice.core.chat import Message, Passage, Prompt
from nexus_voice.engines.cartesia.tts import WordMarks
from nexus_voice.engines.extractive.llm import NAMED_SOURCE
from nexus_voice.engines.extractive.question import asked
from nexus_voice.engines.extractive.units import pieces_of, units
from nexus_voice.engines.http.body import SseDecoder
from nexus_voice.engines.http.errors import error_detail
from nexus_voice.engines.http.search_results import clean
from nexus_voice.engines.openai.wire import Answer as ChatAnswer
from nexus_voice.engines.pocketsphinx.spoken_forms import questions
from nexus_voice.engines.voice_orders import parts
from nexus_voice.engines.whisper.agreement import Agreement
from nexus_voice.engines.whisper.hallucinations import believable
from nexus_voice.engines.xtts.worker import sayable
from nexus_voice.knowledge.reading.chunks import chunks
from nexus_voice.knowledge.reading.document import Block, lay_out
from nexus_voice.knowledge.reading.html import HIDING_STYLE
from nexus_voice.knowledge.reading.layout import BULLET, DOT_LEADER
from nexus_voice.knowledge.reading.tables import NUMBER
from nexus_voice.knowledge.reading.text import markdown, unwrap
from nexus_voice.knowledge.reading.text import plain as plain_text
from nexus_voice.knowledge.search.tokens import estimate
from nexus_voice.server.openai.stop_sequences import Stops
from nexus_voice.telemetry.logs import redact
from nexus_voice.text import arithmetic, date_questions, smalltalk
from nexus_voice.text import turn_taking as turns
from nexus_voice.text.citations.citation_marks import Marks, disarmed, unmarked
from nexus_voice.text.citations.citations import Citations
from nexus_voice.text.folding import indexed
from nexus_voice.text.follow_up import standalone
from nexus_voice.text.invisible_characters import visible
from nexus_voice.text.model_markup import Markup
from nexus_voice.text.prompting import messages
from nexus_voice.text.prose import sentences
from nexus_voice.text.sentences.splitter import Sentences
from nexus_voice.text.spoken.english import is_english
from nexus_voice.text.spoken.speakable import PASSES, speakable
from nexus_voice.text.words import bare_question, content, terms

SIZES = 12_500, 25_000, 50_000, 100_000, 200_000
SLOW_SIZES = 625, 1_250, 2_500, 5_000, 10_000
"""For what is linear but takes microseconds for every character or token."""
MAX_GROWTH = 3.0
"""Times as long that a text of twice the length may take: a square would take four times."""
MAX_FIRST_GROWTH = 5.0
"""The same for four times the length, and the two shortest texts that differ by so much. Work whose squared
part is as large as the rest for the second longest text grows by more."""
MIN_SECONDS = 0.02
"""Processor time that is too short to tell growth from noise."""
ATTEMPTS = 3
"""Times that a suspicion must prove true: other processes disturb the measurement."""

BEFORE, AFTER = "what ", "x"


def text_of(repeated: str, size: int) -> str:
    return BEFORE + repeated * (size // len(repeated)) + AFTER


RUNS = {
    "spaces": " ", "dots": ".", "commas": ",", "digits": "7", "hashes": "#", "quotes": '"', "backticks": "`",
    "pipes": "|", "newlines": "\n", "brackets": "[", "parentheses": "(", "tags": "<a ", "dashes": "-",
    "underscores": "_", "a long word": "a", "a long foreign word": "ж", "Han": "水",
    "Thai": "กี่", "kana": "水の", "joiners": "\u200d",
    "ideographic stops": "。", "citations": "[1] ", "citations on lines": "[1] [2]\n", "indices": "a[1] ",
    "citations in lenticular brackets": "【1】", "open citations": "【1 ", "words": "and blue ",
    "sentences": "It is blue. ", "figures": "$1,000 ", "items": "\n- ", "tables": "|-|-|\n",
    "fences": "```\n", "code in a line": "``` a ", "comments": "<!--", "images": "![", "titles": "From “",
    "blanks on lines": "\n ", "zeros": "0.", "quoted dots": '."', "numerals": "Henry II ",
    "streets": "1 Elm St. ", "slashes": "a/", "telephone numbers": "+44 20-",
}  # fmt: skip


def streamed(size: int) -> Callable[[Callable[[str], object], str], None]:
    def feed(take: Callable[[str], object], text: str) -> None:
        for at in range(0, len(text), size):
            take(text[at : at + size])

    return feed


PASSAGES = [Passage("The pump is blue. It is 7 m long.", f"{n}", "Pump", score=0.5) for n in range(3)]


def in_one(feed: Callable[[str], object], text: str) -> None:
    feed(text)


in_tokens = streamed(8)


def cited(text: str, how: Callable[[Callable[[str], object], str], None]) -> None:
    citations = Citations(PASSAGES)
    how(citations.feed, text)
    citations.close()


def unmarked_in_pieces(text: str) -> None:
    marks = Marks()
    in_tokens(marks.feed, text)
    marks.feed("", final=True)


def split(text: str, how: Callable[[Callable[[str], object], str], None]) -> list[str]:
    splitter, pieces = Sentences(), list[str]()
    how(lambda token: pieces.extend(splitter.feed(token)), text)
    return pieces + splitter.close()


def spoken(text: str) -> None:
    for piece in split(text, in_one):
        speakable(piece)


def stopped(text: str) -> None:
    stops = Stops(["a" * 199 + "b", "." * 200 + "x", " ]", "\n\n\n-"])
    in_tokens(stops.feed, text)


def prompted(text: str) -> None:
    history = [Message("user", text[at : at + 100]) for at in range(0, len(text), 100)]
    messages(Prompt(text, context=text, history=tuple(history), ours=False))


def heard(text: str) -> None:
    agreement = Agreement()
    agreement.hear(text)
    agreement.hear(text)


def marked(text: str) -> None:
    marks = WordMarks(text)
    for word in text.split():
        marks.mark(word, 1.0)


def events(text: str) -> None:
    """As one endless event, and as many small ones, in small pieces."""
    for body in (f"data: {text}", "data: 1\n\n" * (len(text) // 9)):
        decoder, data = SseDecoder(), body.encode()
        for at in range(0, len(data), 100):
            decoder.feed(data[at : at + 100])
        SseDecoder().feed(data)


def tool_calls_in_pieces(text: str) -> None:
    answer = ChatAnswer()
    for at in range(0, len(text), 8):
        function = {"name": "f", "arguments": text[at : at + 8]}
        calls = [{"index": at, "id": f"{at}", "function": function}, {"index": 0, "function": function}]
        answer.take({"choices": [{"delta": {"tool_calls": calls}}]})


def passages(text: str) -> None:
    chunks(lay_out("", [Block("a b. " * 200), Block(text), Block("x y\n" * 10, whole=True)]))


QUICK: dict[str, Callable[[str], object]] = {
    "a follow-up": lambda text: standalone(text, ["What is a pump?"]),
    "a follow-up on it": lambda text: standalone("why?", [text, "what about " + text]),
    "small talk": lambda text: smalltalk.answer(text, {}),
    "the date": lambda text: date_questions.answer(text, None),  # type: ignore[arg-type]
    "a sum": arithmetic.answer,
    "bare_question words": bare_question,
    "terms": terms,
    "words of a question": content,
    "words of an index": indexed,
    "a backchannel": turns.is_backchannel,
    "an echo": lambda text: turns.is_echo(text, text),
    "words beside an echo": lambda text: turns.beside_echo(text, text),
    "completeness": turns.completeness.__wrapped__,
    "tokens": estimate,
    "visible characters": visible,
    "speakable": speakable,
    "English or not": lambda text: is_english(text, ""),
    "redaction": lambda text: redact(None, "", {"event": text}),
    "a made-up phrase": lambda text: believable(text, voiced=1e9, level=-60.0, no_speech=0.9),
    "a voice's parts": lambda text: list(parts(text, 150)),
    "a provider's error": error_detail,
    "a search result": lambda text: clean(text, len(text) // 2),
    "figures for XTTS": lambda text: sayable(text, "de") + sayable(text, "hi"),
    "named documents": NAMED_SOURCE.findall,
    "plain text of a document": plain_text,
    "wrapped lines": unwrap,
    "hidden styles": lambda text: HIDING_STYLE.search(text) or HIDING_STYLE.search("opacity:" + text),
    "a number in a table": NUMBER.fullmatch,
    "leaders on a page": lambda text: DOT_LEADER.sub("", text) and BULLET.match(text),
}

SLOW: dict[str, Callable[[str], object]] = {
    "unmarked": unmarked,
    "disarmed": disarmed,
    "sentences of a document": sentences,
    "units of an answer": lambda text: (pieces_of.cache_clear(), units(asked(text), [Passage(text, "", "")])),
    "a model's markup": lambda text: [Markup({}).feed(text), Markup({}).feed("<tool_call>" + text)],
    "a prompt": prompted,
    "marks in tokens": unmarked_in_pieces,
    "citations at once": lambda text: cited(text, in_one),
    "citations in tokens": lambda text: cited(text, in_tokens),
    "sentences at once": lambda text: split(text, in_one),
    "sentences in tokens": lambda text: split(text, in_tokens),
    "every sentence spoken": spoken,
    "spoken forms": lambda text: [words_for(text) for words_for in PASSES],
    "stop sequences": stopped,
    "word marks": marked,
    "front matter": lambda text: markdown(f"---\ntitle: {text}\n---\n"),
    "passages": passages,
    "a provider's events": events,
    "tool calls in pieces": tool_calls_in_pieces,
    "questions for pocketsphinx": lambda text: list(questions(text, lambda _: True)),
    "a whisper hypothesis": heard,
}


def seconds(function: Callable[[str], object], text: str) -> float:
    gc.disable()  # its pauses grow with all that was ever made
    began = process_time()
    try:
        function(text)
        return process_time() - began
    finally:
        gc.enable()


def growth(function: Callable[[str], object], shorter: str, longer: str) -> float:
    """How many times as long the longer text takes; 0 if it takes less than a moment."""
    before, after = (min(seconds(function, text) for _ in range(2)) for text in (shorter, longer))
    return after / before if after > MIN_SECONDS else 0.0


def is_linear(function: Callable[[str], object], repeated: str, sizes: Sequence[int]) -> bool:
    """Measure no more than is needed to tell: the short texts once, and all of them if these raise suspicion.

    Nor is there more to tell if even a square would take less than `MIN_SECONDS` for the longest text.
    """
    texts = [text_of(repeated, size) for size in sizes]
    moment = MIN_SECONDS * (sizes[2] / sizes[-1]) ** 2
    function(text_of(repeated, 100))  # what is made at the first call costs the shortest text nothing
    for _ in range(ATTEMPTS):
        first, third = seconds(function, texts[0]), seconds(function, texts[2])
        if third <= max(MAX_FIRST_GROWTH * first, moment):
            return True
    return not any(
        all(growth(function, shorter, longer) > MAX_GROWTH for _ in range(ATTEMPTS))
        for shorter, longer in pairwise(texts)
    )


def cut_bit_by_bit(text: str) -> None:
    while text:
        text = text[8:]


def told_apart(text: str) -> None:
    seen = list[str]()
    for at, letter in enumerate(text):
        if (piece := f"{letter}{at}") not in seen:
            seen.append(piece)


PLANTED: dict[str, tuple[Callable[[str], object], Sequence[int]]] = {
    "a regular expression": (lambda text: re.sub(r"[.\s]+$", "", text), SLOW_SIZES),
    "a text cut bit by bit": (cut_bit_by_bit, SIZES),
    "a list searched for every letter": (told_apart, SLOW_SIZES),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_square_is_found(name: str) -> None:
    function, sizes = PLANTED[name]
    assert not is_linear(function, RUNS["dots"], sizes)
    assert is_linear(len, RUNS["dots"], sizes)


@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_twice_the_text_takes_about_twice_the_time(name: str) -> None:
    function, sizes = (QUICK[name], SIZES) if name in QUICK else (SLOW[name], SLOW_SIZES)
    slow = [kind for kind, repeated in RUNS.items() if not is_linear(function, repeated, sizes)]
    assert not slow
