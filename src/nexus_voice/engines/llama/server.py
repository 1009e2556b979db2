"""llama.cpp's HTTP server as a child process: `python -m nexus_voice.engines.llama.server`.

One JSON line on stdin says what to run (`Orders`). One JSON line on stdout answers: `{"url": ...}` once the
model is loaded, or `{"failed": why, "code": ...}`. It ends when its stdin does, which means that the host has
ended.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from ...workers.worker import die_with

HOST = "127.0.0.1"
CACHE_MB = 512
"""Memory in MiB for the cached prompts of conversations whose slot was given to others."""
SPARE_HTTP_THREADS = 8
"""Threads that answer HTTP besides two per slot: an idle connection that is kept holds one for some
seconds."""
MICRO_BATCH_TOKENS = 512
"""llama.cpp's own limit of what it computes at once."""
LOG_LEVEL = 2
"""llama.cpp's number for warnings and errors."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What to run. `context` is in tokens per slot; `threads` write an answer, and `batch_threads` read a
    prompt, `batch` tokens at a time; `gpu_layers` below 0 means as many as fit; an empty
    `binary` means the server in the package."""

    path: str
    name: str
    key: str = field(repr=False)
    context: int
    parallel: int
    threads: int
    batch_threads: int
    batch: int
    gpu_layers: int
    binary: str


def package(orders: Orders) -> tuple[str, Any]:
    """The server inside this process: (its address, what keeps it alive)."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = orders.path
    params.model_alias = {orders.name}
    params.hostnames, params.port, params.api_keys = [HOST], 0, [orders.key]
    params.n_ctx, params.n_parallel = orders.context * orders.parallel, orders.parallel
    params.n_gpu_layers = orders.gpu_layers
    params.cpuparams.n_threads = orders.threads
    params.cpuparams_batch.n_threads = orders.batch_threads
    params.n_batch, params.n_ubatch = orders.batch, min(orders.batch, MICRO_BATCH_TOKENS)
    params.n_threads_http = 2 * orders.parallel + SPARE_HTTP_THREADS
    params.cache_ram_mib, params.verbosity, params.ui = CACHE_MB, LOG_LEVEL, False
    server = xllamacpp.Server(params)
    # A first request: ending a server that never had one hangs, and the first is the slowest.
    server.handle_completions({"prompt": "Hello", "n_predict": 1})
    return server.listening_address, server


def binary(orders: Orders) -> tuple[str, subprocess.Popen[bytes]]:
    """A `llama-server` of the user's own, as our child: (its address, its process)."""
    with socket.create_server((HOST, 0)) as unused:
        port = unused.getsockname()[1]
    command = [orders.binary, "-m", orders.path, "-a", orders.name, "--host", HOST, "--port", str(port)]
    command += ["-c", str(orders.context * orders.parallel), "-np", str(orders.parallel), "--jinja"]
    command += ["-t", str(orders.threads), "-tb", str(orders.batch_threads)]
    command += ["-ngl", str(orders.gpu_layers)] if orders.gpu_layers >= 0 else []
    options = {  # in the environment: the key stays unseen, and older versions pass over what they don't know
        "LLAMA_API_KEY": orders.key,
        "LLAMA_ARG_THREADS_HTTP": str(2 * orders.parallel + SPARE_HTTP_THREADS),
        "LLAMA_ARG_CACHE_RAM": str(CACHE_MB),
        "LLAMA_ARG_BATCH": str(orders.batch),
        "LLAMA_ARG_UBATCH": str(min(orders.batch, MICRO_BATCH_TOKENS)),
        "LLAMA_LOG_VERBOSITY": str(LOG_LEVEL),
        "LLAMA_ARG_LOG_VERBOSITY": str(LOG_LEVEL),
    }
    process = subprocess.Popen(  # noqa: S603 - the administrator's choice
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        env={**os.environ, **options},
        process_group=0,  # Ctrl-C is the host's to handle
        preexec_fn=partial(die_with, os.getpid()),  # there is one thread so far
    )
    return f"http://{HOST}:{port}", process


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:  # not listening yet, or 503 while the model loads
        return False


def leave_with_host(process: subprocess.Popen[bytes] | None) -> NoReturn:
    """End this process when the host does, without tidying up: the operating system does that more
    reliably."""
    while os.read(0, 4096):
        pass
    if process:
        process.kill()
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.dup(1)  # llama.cpp may print; the real stdout is for our answer only
    os.dup2(2, 1)
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        order = stdin.readline()
    orders = Orders(**json.loads(order))

    def say(**answer: str) -> None:
        os.write(out, json.dumps(answer).encode() + b"\n")

    def watch(process: subprocess.Popen[bytes] | None = None) -> None:
        threading.Thread(target=leave_with_host, args=[process], daemon=True).start()

    try:
        if orders.binary:
            url, process = binary(orders)
            watch(process)
            while not answers(url):
                if process.poll() is not None:
                    raise RuntimeError(f"{orders.binary} ended with status {process.returncode}")
                time.sleep(0.05)
            say(url=url)
            os._exit(process.wait() & 0xFF)
        watch()
        url, server = package(orders)
        say(url=url)
        threading.Event().wait()
        del server  # kept until now
    except ImportError as error:
        say(failed=str(error), code="engine_not_installed")
    except (OSError, RuntimeError, MemoryError) as error:
        say(failed=str(error), code="model_broken")
    os._exit(1)


if __name__ == "__main__":
    main()
