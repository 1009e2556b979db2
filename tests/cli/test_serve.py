"""`nexus-voice serve`, as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

import psutil

from nexus_voice.cli.nearby import address
from nexus_voice.cli.serve import banner
from nexus_voice.supply.advice import advice

from .conftest import Run, Server, Shell


def fetch(url: str, **headers: str) -> tuple[dict[str, str], dict[str, str]]:
    request = urllib.request.Request(
        url, headers={name.replace("_", "-"): one for name, one in headers.items()}
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response), {name.lower(): value for name, value in response.headers.items()}


def test_the_banner_tells_where_and_what(server: Server) -> None:
    body, _ = fetch(f"{server.url}/healthz")
    assert body["status"] == "ok"
    assert len(server.banner) <= 10
    text = "\n".join(server.banner)
    assert server.url.startswith("http://127.0.0.1:")
    assert "hears with" in text
    assert "answers with" in text


def test_the_banner_says_what_would_be_better() -> None:
    engines = {"vad": "energy", "stt": "pocketsphinx", "llm": "extractive", "tts": "espeak-ng"}
    better = advice([("llm", "extractive"), ("vad", "energy"), ("stt", "deepgram")], cores=8)
    lines = "\n".join(banner("http://h:1", engines, better, "nothing", 1.0))
    assert "nexus-voice models pull" in lines
    assert "Whisper" not in lines, "Deepgram is better already"
    assert "NEXUS_VAD__KIND=silero" in lines
    assert lines.count("\n") < 10
    (small,) = advice([("llm", "extractive")], cores=2)
    assert "pull" not in small.command, "two cores would read a question for half a minute"


def test_the_banner_has_one_command_for_all_that_the_setup_could_not_get() -> None:
    engines = {"vad": "silero", "stt": "pocketsphinx", "llm": "extractive", "tts": "espeak-ng"}
    used = [("stt", "pocketsphinx"), ("llm", "extractive"), ("tts", "espeak"), ("turn", "")]
    better = advice(used, cores=2)
    lines = banner("http://h:1", engines, better, "nothing", 1.0)
    (missing,) = [line for line in lines if "nexus-voice models pull" in line]
    assert "Whisper" in missing
    assert "Piper" in missing
    assert "smart-turn" in missing


def test_the_address_is_one_that_a_browser_can_open() -> None:
    assert address("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert address("::1", 80) == "http://[::1]:80"


def test_a_request_keeps_its_id(server: Server) -> None:
    assert fetch(f"{server.url}/healthz", x_request_id="trace-42")[1]["x-request-id"] == "trace-42"


def test_ctrl_c_ends_it_with_its_processes_and_without_a_traceback(shell: Shell) -> None:
    with shell.serving() as server:
        family = psutil.Process(server.process.pid).children(recursive=True)
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))):  # an idle client
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(20) == 0
    assert not any(one.is_running() for one in family)
    assert "Traceback" not in (shell.folder / "log").read_text()


def test_a_reader_of_its_output_that_has_gone_does_not_end_it(shell: Shell) -> None:
    """As in `nexus-voice serve | head -0`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reading, writing = os.pipe()
    os.close(reading)
    command = shell.command("serve", "--port", str(port))
    with subprocess.Popen(
        command, cwd=shell.folder, env=shell.environment, stdout=writing, stderr=subprocess.DEVNULL
    ) as process:
        os.close(writing)
        give_up = time.monotonic() + 60
        while not is_ready(port):
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < give_up
            time.sleep(0.05)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.wait(20)


def is_ready(port: int) -> bool:
    try:
        return fetch(f"http://127.0.0.1:{port}/readyz")[0]["status"] == "ready"
    except OSError:
        return False


def test_a_port_in_use_is_one_line(server: Server, run: Run) -> None:
    port = server.url.rpartition(":")[2]
    done = run("serve", "--port", port)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} is already in use" in done.stderr


def test_a_wrong_setting_is_one_line(run: Run) -> None:
    done = run("serve", NEXUS_SERVER__PORT="abc")
    assert done.returncode == 1
    assert done.stderr.startswith("nexus-voice: NEXUS_SERVER__PORT: input should be a valid integer")
    assert done.stderr.count("\n") == 1


def test_an_unknown_engine_is_one_line(run: Run) -> None:
    done = run("serve", "--port", "0", NEXUS_TTS__KIND="parrot")
    assert done.returncode == 1
    assert done.stderr.startswith("nexus-voice: There is no tts engine 'parrot'")
    assert done.stderr.count("\n") == 1
