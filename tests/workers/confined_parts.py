"""What a confined process can see and do."""

import ctypes
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Emit = Callable[[Any], None]
PTRACE_SEIZE = 0x4206


class Prisoner:
    def environment(self, items: Iterator[Any], emit: Emit) -> None:
        emit(dict(os.environ))

    def write(self, items: Iterator[Any], emit: Emit) -> None:
        try:
            with open(next(items), "wb") as file:
                file.write(b"x")
        except OSError as error:
            emit(type(error).__name__)

    def hoard(self, items: Iterator[Any], emit: Emit) -> None:
        try:
            emit(len(bytearray(next(items))))
        except MemoryError:
            emit("MemoryError")

    def core(self, items: Iterator[Any], emit: Emit) -> None:
        emit([*resource.getrlimit(resource.RLIMIT_CORE), os.nice(0)])

    def die(self, items: Iterator[Any], emit: Emit) -> None:
        os._exit(1)

    def attempt(self, items: Iterator[Any], emit: Emit) -> None:
        """Whether each of the attempts worked, as {name: True or the error's name}."""
        port, path, local, abstract = next(items)
        parent = os.getppid()
        attempts: dict[str, Callable[[], Any]] = {
            "tcp": lambda: socket.create_connection(("127.0.0.1", port)),
            "udp": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)),
            "unix": lambda: socket.socket(socket.AF_UNIX).connect(local),
            "abstract": lambda: socket.socket(socket.AF_UNIX).connect(abstract),
            "read": lambda: Path(path).read_text(),
            "list": lambda: os.listdir(os.path.dirname(path)),
            "passwords": lambda: Path("/etc/passwd").read_text(),
            "signal": lambda: os.kill(parent, 0),
            "memory": lambda: os.close(os.open(f"/proc/{parent}/mem", os.O_RDONLY)),
            "secrets": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
            "trace": lambda: trace(parent),
            "remove": lambda: os.remove(path),
        }
        emit({name: outcome(attempt) for name, attempt in attempts.items()})

    def start(self, items: Iterator[Any], emit: Emit) -> None:
        """A program, a process and a thread."""
        emit(
            {
                "program": outcome(lambda: os.posix_spawn("/bin/true", ["true"], {})),
                "process": outcome(fork),
                "thread": outcome(thread),
            }
        )


def outcome(attempt: Callable[[], Any]) -> Any:
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return True


def trace(pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_SEIZE, pid, 0, 0):  # does not stop it, and ends with us
        raise OSError(ctypes.get_errno(), "ptrace")


def fork() -> None:
    if not os.fork():
        os._exit(0)


def thread() -> None:
    begun = threading.Event()
    one = threading.Thread(target=begun.set)
    one.start()
    one.join()
    if not begun.is_set():
        raise OSError("no thread")
