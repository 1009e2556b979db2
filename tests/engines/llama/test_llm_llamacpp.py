"""llama.cpp for real: a child process that serves a model of half a megabyte."""

import logging
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil
import pytest

from engines import contract
from models_tiny.gguf import ANSWER, build
from nexus_voice.core.chat import Message, Passage, Prompt, ToolCall
from nexus_voice.core.errors import EngineError
from nexus_voice.engines.llama import plan as llama_plan
from nexus_voice.engines.llama.llm import LlamaCppLlm

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning"),
]
LIMIT = 30.0
OPTIONS: dict[str, Any] = {"threads": 1, "context": 8192}
"""On a busy machine more threads than free cores wait for each other."""


@pytest.fixture(autouse=True)
def no_program_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    build(folder / "tiny.gguf")
    build(folder / "endless.gguf", endless=True)
    return folder


@pytest.fixture
async def llm(folder: Path) -> AsyncIterator[LlamaCppLlm]:
    async with LlamaCppLlm(folder / "tiny.gguf", **OPTIONS) as llm:
        with anyio.fail_after(LIMIT):
            await llm.ready()
        yield llm


@dataclass
class Weather:
    name: str = "weather"
    description: str = "The weather in a city."
    parameters: dict[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {"city": {"type": "string"}}}
    )
    side_effects: bool = False

    async def __call__(self, **arguments: Any) -> str:
        return "rain"


async def asked(llm: LlamaCppLlm, prompt: Prompt | str = "Hello", tools: Sequence[Any] = ()) -> str:
    prompt = Prompt(prompt) if isinstance(prompt, str) else prompt
    with anyio.fail_after(LIMIT):
        async with aclosing(llm.stream(prompt, tools)) as pieces:
            return "".join([piece async for piece in pieces if not isinstance(piece, ToolCall)]).strip()


async def drained(pieces: AsyncIterator[Any]) -> None:
    async for _ in pieces:
        pass


def ended(pid: int) -> None:
    try:
        psutil.Process(pid).wait(LIMIT)
    except psutil.NoSuchProcess:
        return


async def test_streams_pieces_with_and_without_tools(llm: LlamaCppLlm) -> None:
    assert llm.name == "llama.cpp:tiny"
    assert await llm.models() == ["tiny"]
    assert len(await contract.gather(llm.stream(Prompt("Hello")))) == len(ANSWER.split())
    assert await asked(llm, Prompt("Hello", system="Be kind."), [Weather()]) == ANSWER


async def test_tokens_are_counted_by_the_model_once_it_is_loaded(llm: LlamaCppLlm, folder: Path) -> None:
    texts = ["hello", "", "grüße, -1 <|im_start|>", "hello"]
    hello, empty, rest, again = await llm.tokens(texts)
    assert (hello, empty, again) == (5, 0, 5)  # a token is a byte in this model, but for a blank
    assert rest >= len(texts[2])
    async with LlamaCppLlm(folder / "tiny.gguf", **OPTIONS) as young:
        with pytest.raises(EngineError) as caught:
            await young.tokens(texts)
        assert caught.value.code == "llm_loading"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The prompt tokens that the server says it evaluated, request by request."""
    read: list[int] = []
    lines = httpx.Response.aiter_bytes

    async def noting(response: httpx.Response) -> AsyncIterator[bytes]:
        async for data in lines(response):
            read.extend(int(part.split(b",")[0]) for part in data.split(b'"prompt_n":')[1:])
            yield data

    monkeypatch.setattr(httpx.Response, "aiter_bytes", noting)
    return read


async def test_the_second_turn_reads_only_what_is_new(llm: LlamaCppLlm, read: list[int]) -> None:
    system = "You are a kind and patient assistant. " * 20
    await asked(llm, Prompt("Where is the pump?", system=system))
    history = (Message("user", "Where is the pump?"), Message("assistant", ANSWER))
    await asked(llm, Prompt("And the filter?", system=system, history=history))
    assert read[0] > 700  # a token is a byte in this model
    assert read[-1] < 100


SYSTEM = "You are a kind and patient assistant. " * 20
PASSAGES = tuple(
    Passage(f"Passage {n} tells of pumps and their valves. " * 5, "d", "Pumps") for n in range(4)
)


async def test_what_was_read_before_the_question_is_not_read_again(llm: LlamaCppLlm, read: list[int]) -> None:
    """In steps, and first without the passages, which are found later than somebody begins to speak."""
    history = (Message("user", "Where is the pump?"), Message("assistant", ANSWER))
    prompt = Prompt("", system=SYSTEM, history=history, spoken=True)
    await llm.prime(prompt, [Weather()])
    assert len(read) > 2
    early = sum(read)
    await llm.prime(replace(prompt, passages=PASSAGES), [Weather()])
    late = sum(read) - early
    assert early > 1500  # a token is a byte in this model
    assert 800 < late < 1500
    read.clear()
    assert await asked(llm, replace(prompt, passages=PASSAGES, question="Is it blue?"), [Weather()]) == ANSWER
    assert read[-1] < 60


async def test_reading_ahead_that_is_cut_short_is_not_lost(llm: LlamaCppLlm, read: list[int]) -> None:
    prompt = Prompt("", system=SYSTEM, ours=False)  # without the house rules
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(llm.prime, prompt)
        while not read:  # noqa: ASYNC110 - the first step
            await anyio.sleep(0.001)
        tasks.cancel_scope.cancel()
    begun = sum(read)
    assert await asked(llm, replace(prompt, question="Is it blue?")) == ANSWER
    (whole,) = await llm.tokens([SYSTEM])
    assert 200 < begun < whole
    assert begun + read[-1] < whole + 60


async def test_nothing_is_read_ahead_while_somebody_is_answered(folder: Path, read: list[int]) -> None:
    async with LlamaCppLlm(folder / "endless.gguf", threads=1, context=65_536) as llm:
        assert not llm.primes
        await llm.prime(Prompt("", system=SYSTEM))  # while it loads
        await llm.ready()
        assert llm.primes
        assert llm.free_places == 2
        async with aclosing(llm.stream(Prompt("Hello", max_tokens=60_000))) as pieces:
            await anext(pieces)
            assert llm.free_places == 1
            await llm.prime(Prompt("", system=SYSTEM))
            assert read == []
        assert llm.free_places == 2


async def test_two_at_once(llm: LlamaCppLlm) -> None:
    answers = await contract.together(*(llm.stream(Prompt(f"Question {n}")) for n in range(4)))
    assert {"".join(pieces).strip() for pieces in answers} == {ANSWER}


async def test_leaving_frees_the_slot_at_once(folder: Path) -> None:
    """Nine whole answers would take minutes; with one slot, the tenth can only come if they stopped."""
    async with LlamaCppLlm(folder / "endless.gguf", threads=1, context=65_536, parallel=1) as llm:
        await llm.ready()
        with anyio.fail_after(LIMIT):
            for _ in range(9):
                await contract.left(llm.stream(Prompt("Hello", max_tokens=60_000)))
        assert len((await asked(llm, Prompt("Hello", max_tokens=10))).split()) == 10


async def test_after_a_crash_the_next_question_is_answered(llm: LlamaCppLlm) -> None:
    assert await asked(llm) == ANSWER
    first = llm.pid
    os.kill(first, 9)
    assert await asked(llm) == ANSWER
    assert llm.pid not in (0, first)


async def test_a_crash_in_mid_answer_fails_that_one_only(folder: Path) -> None:
    async with LlamaCppLlm(folder / "endless.gguf", threads=1, context=65_536) as llm:
        async with aclosing(llm.stream(Prompt("Hello", max_tokens=60_000))) as pieces:
            await anext(pieces)
            os.kill(llm.pid, 9)
            with anyio.fail_after(LIMIT), pytest.raises(EngineError) as caught:
                await drained(pieces)
        assert caught.value.retryable
        assert await asked(llm, Prompt("Hello", max_tokens=5))


async def test_a_question_too_long_is_explained(folder: Path) -> None:
    async with LlamaCppLlm(folder / "tiny.gguf", threads=1, context=256) as llm:
        with pytest.raises(EngineError, match="256 tokens") as caught:
            await asked(llm, "why " * 1000)
        assert caught.value.code == "llm_context"
        assert not caught.value.retryable


async def test_nobody_else_may_use_it_and_the_key_is_nowhere_to_be_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(llama_plan, "token_urlsafe", lambda size: "the-key")
    caplog.set_level(logging.DEBUG)
    async with LlamaCppLlm(folder / "tiny.gguf", **OPTIONS) as llm:
        await llm.ready()
        assert await asked(llm) == ANSWER
        child = psutil.Process(llm.pid)
        (port,) = [one.laddr.port for one in child.net_connections() if one.status == "LISTEN"]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as stranger:
            for path in ("chat/completions", "completions", "embeddings"):
                assert (await stranger.post(f"/v1/{path}", json={"messages": []})).status_code == 401
            headers = {"Authorization": "Bearer the-key"}
            assert (await stranger.get("/v1/models", headers=headers)).status_code == 200
        assert not any("the-key" in word for word in child.cmdline())
        os.kill(llm.pid, 9)
        assert await asked(llm) == ANSWER
    assert caplog.text
    assert "the-key" not in caplog.text


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda whole: b"no model at all", "not a GGUF file"),
        (lambda whole: whole[:20], "ends in the middle"),
        (lambda whole: b"", "not a GGUF file"),
        (lambda whole: whole[: len(whole) // 2], "corrupted or incomplete"),
    ],
)
async def test_a_broken_file_is_explained(folder: Path, tmp_path: Path, damage: Any, reason: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(damage((folder / "tiny.gguf").read_bytes()))
    async with LlamaCppLlm(path, **OPTIONS) as llm:
        for ask in (llm.ready, lambda: asked(llm)):
            with anyio.fail_after(LIMIT), pytest.raises(EngineError, match=reason) as caught:
                await ask()
            assert caught.value.code == "model_broken"
            assert not caught.value.retryable
        assert llm.pid == 0


async def test_what_is_missing_is_explained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def trouble(path: Path, **options: Any) -> str:
        async with LlamaCppLlm(path, **options) as llm:
            with pytest.raises(EngineError) as caught:
                await llm.ready()
        return f"{caught.value.code}: {caught.value.message}"

    assert "model_broken: The language model absent" in await trouble(folder / "absent.gguf")
    huge = build(folder / "huge.gguf", context=2**31 - 1)
    assert "model_memory: " in await trouble(huge, context=2**31 - 1, gpu_layers=0)
    no_program = await trouble(folder / "tiny.gguf", binary="no-such-llama-server")
    assert no_program.startswith("engine_not_installed: There is no program 'no-such-llama-server'")
    monkeypatch.setattr(llama_plan, "find_spec", lambda name: None)
    not_installed = await trouble(folder / "tiny.gguf")
    assert not_installed.startswith("engine_not_installed: ")
    assert "nexus-voice[local]" in not_installed


SERVER = '''#!{python}
"""A llama-server, as far as its command line goes."""
import argparse, os, sys
parser = argparse.ArgumentParser()
for flag in ("-m", "-a", "-c", "-np", "-t", "-tb", "-ngl", "--host", "--port"):
    parser.add_argument(flag)
parser.add_argument("--jinja", action="store_true")
given = parser.parse_args()
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias, params.verbosity = given.m, {{given.a}}, 1
params.hostnames, params.port, params.api_keys = [given.host], int(given.port), [os.environ["LLAMA_API_KEY"]]
params.n_ctx, params.n_parallel, params.cpuparams.n_threads = int(given.c), int(given.np), int(given.t)
try:
    server = xllamacpp.Server(params)
except RuntimeError:
    os._exit(3)
import threading
threading.Event().wait()
'''


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "llama-server"
    path.write_text(SERVER.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


async def test_a_server_program_of_the_users(folder: Path, tmp_path: Path, program: str) -> None:
    async with LlamaCppLlm(folder / "tiny.gguf", binary=program, **OPTIONS) as llm:
        await llm.ready()
        assert await asked(llm) == ANSWER
        (server,) = psutil.Process(llm.pid).children()
        assert await llm.models() == ["tiny"]
        first = llm.pid
        server.kill()
        ended(server.pid)
        assert await asked(llm) == ANSWER
        assert llm.pid not in (0, first)
        (server,) = psutil.Process(llm.pid).children()
    ended(server.pid)
    (tmp_path / "half.gguf").write_bytes((folder / "tiny.gguf").read_bytes()[:200_000])
    async with LlamaCppLlm(tmp_path / "half.gguf", binary=program, **OPTIONS) as llm:
        with pytest.raises(EngineError, match="corrupted or incomplete"):
            await llm.ready()


HOST = """
import sys, anyio
from pathlib import Path
from nexus_voice.engines.llama.llm import LlamaCppLlm
async def main():
    async with LlamaCppLlm(Path(sys.argv[1]), threads=1, binary=sys.argv[2]) as llm:
        await llm.ready()
        print(llm.pid, flush=True)
        await anyio.sleep_forever()
anyio.run(main)
"""


@pytest.mark.parametrize("own", [False, True])
def test_the_child_dies_with_its_host(folder: Path, program: str, own: bool) -> None:
    command = [sys.executable, "-c", HOST, str(folder / "tiny.gguf"), program if own else ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as host:
        assert host.stdout
        child = psutil.Process(int(host.stdout.readline()))
        family = [child, *child.children()]
        host.kill()
    assert len(family) == 1 + own
    for process in family:
        ended(process.pid)


async def test_leaving_ends_the_child(folder: Path) -> None:
    async with LlamaCppLlm(folder / "tiny.gguf", **OPTIONS) as llm:
        await llm.ready()
        pid = llm.pid
    ended(pid)
    assert llm.pid == 0
