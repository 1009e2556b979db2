"""Confines a worker process that reads hostile data, and measures what the confinement is worth.

Systems differ in what they offer, so `confine` tries each of these layers and goes on without those that
it cannot have:

- limits: memory, no file may be written, no core dump;
- namespaces of its own for the network and System V IPC, in a user namespace without rights over the system;
- the user `nobody`, for a process that root started and whose code everybody may read;
- Landlock: the interpreter's and the system's own files may be read, no other file may be opened, no TCP
  connection made and no process outside signalled;
- seccomp, through libseccomp: no socket, no signal to another process, no new process and no program.

It then tries what should be impossible and reports what was in fact refused: a `Confinement` never claims
more than that.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

CLONE_THREAD, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x10000, 0x08000000, 0x10000000, 0x40000000
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15
"""Constants of linux/sched.h and asm-generic/fcntl.h."""
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULESET_VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
RIGHTS_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14  # the last: to shorten it
FILE_RIGHTS = ((5, 16), (3, 15), (2, 14), (1, 13))
"""From linux/landlock.h: system calls (the same on every machine), flags, and from which version of
Landlock on how many rights over files there are."""
ALLOW, REFUSE, NOT_EQUAL, EQUAL, MASKED_EQUAL = 0x7FFF0000, 0x00050000, 1, 4, 7
"""Constants of seccomp.h; `REFUSE` is to be joined with an error number."""
NOBODY = 65534
"""User and group id."""
READABLE_PATHS = (
    "/usr", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom",
    "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo",
)  # fmt: skip
"""Files of the system that libraries read, none of them a user's."""
FORBIDDEN_CALLS = (
    "socket", "socketpair", "io_uring_setup",
    "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal", "pidfd_getfd",
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp",
    "execve", "execveat", "fork", "vfork", "unshare", "setns", "chroot", "pivot_root", "mount", "umount2",
    "open_by_handle_at", "bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl",
    "ioprio_set", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler",
    "migrate_pages", "move_pages", "shmget", "shmat", "msgget", "semget", "mq_open",
)  # fmt: skip
"""System calls that reach out of the process, for which reading a document has no use."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a process was refused when it tried, each of them measured.

    `network`: TCP and UDP, also within this machine. `local_sockets`: Unix domain sockets. `files`: every
    file but those of the interpreter, its packages and the system. `processes`: signalling the server and
    looking into it.
    """

    network: bool
    local_sockets: bool
    files: bool
    processes: bool
    missing: str = ""
    """The layers that could not be had, and why."""

    @property
    def complete(self) -> bool:
        return self.network and self.local_sockets and self.files and self.processes

    def __str__(self) -> str:
        kinds = ("network", "local_sockets", "files", "processes")
        closed = [kind.replace("_", " ") for kind in kinds if getattr(self, kind)]
        still_open = [kind.replace("_", " ") for kind in kinds if not getattr(self, kind)]
        text = f"closed to it: {', '.join(closed) or 'nothing'}"
        if still_open:
            text += f"; still open: {', '.join(still_open)} (not to be had here: {self.missing})"
        return text


def confine(memory: int, without: Collection[str] = ()) -> Confinement:
    """Give up what is not needed to read a document; at most `memory` bytes are left.

    Call it before any thread is started: Landlock and seccomp hold for the calling thread and those that
    it starts. `without` names `LAYERS` to leave out, as if the system did not have them.
    """
    sys.dont_write_bytecode = True
    limit(memory, 0)
    missing = []
    for name, layer in LAYERS.items():
        try:
            if name in without:
                raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
            layer()
        except Exception as error:  # not of this system: what that means is measured below
            missing.append(f"{name}: {error or type(error).__name__}")
    return Confinement(
        network=_refused(_connect_udp) and _refused(_connect_tcp),
        local_sockets=_refused(_connect_local),
        files=_refused(lambda: os.close(os.open("/", os.O_RDONLY))),
        processes=_refused(lambda: os.kill(os.getppid(), 0)) and _refused(_look_into_parent),
        missing="; ".join(missing),
    )


def limit(memory: int, file: int) -> None:
    """Allow this process so many bytes of memory, and of a file that it writes."""
    import resource  # Unix only

    for limit, value in (
        (resource.RLIMIT_DATA, memory),  # only Linux holds to it
        (resource.RLIMIT_FSIZE, file),  # files, not pipes
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # already lower, or not of this system
            resource.setrlimit(limit, (value, value))


def _become_nobody() -> None:
    if os.getuid() == 0:
        become_nobody(_code())


def become_nobody(code: Collection[str]) -> None:
    """Be the user `nobody`, who must be able to read `code`. For root only."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    allowed = all(os.access(path, os.R_OK, effective_ids=True) for path in code)
    os.seteuid(0)
    os.setegid(0)
    if not allowed:
        raise PermissionError("it could not read the program")
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def end_with_parent() -> None:
    """Be killed when the parent ends."""
    _check(_libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def enter_own_namespaces() -> None:
    _check(_libc().unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC))


def _restrict_files() -> None:
    from mimetypes import knownfiles  # read when a document's type is looked up by its name

    libraries = filter(os.path.isabs, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    paths = [*READABLE_PATHS, *_code(), *(os.fspath(path) for path in knownfiles), *libraries]
    restrict(dict.fromkeys(paths, READ_FILE | READ_DIR))


def restrict(rules: Mapping[str, int]) -> None:
    """Leave to this process, of all files, those at or below the paths of `rules`, with these rights; -1 are
    all rights. Raises `OSError` where there is no Landlock."""
    version = _landlock(CREATE_RULESET, None, 0, RULESET_VERSION)
    handled = (1 << next(count for since, count in FILE_RIGHTS if version >= since)) - 1
    tcp, scopes = 3 if version >= 4 else 0, 3 if version >= 6 else 0  # signals and abstract sockets
    attributes = struct.pack("=QQQ", handled, tcp, scopes)
    ruleset = _landlock(CREATE_RULESET, attributes, len(attributes), 0)
    for path, rights in rules.items():
        with suppress(FileNotFoundError):
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            possible = handled if os.path.isdir(path) else handled & RIGHTS_OF_A_FILE
            _landlock(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", rights & possible, place), 0)
            os.close(place)
    _check(_libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _landlock(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _landlock(call: int, *arguments: int | bytes | None) -> int:
    wide = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return _check(_libc().syscall(ctypes.c_long(call), *wide))


def _code() -> list[str]:
    """Where this interpreter's modules come from."""
    paths = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sys.path}
    return [path for path in paths if os.path.isabs(path) and os.path.exists(path)]


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp: when an argument of a system call is compared to `first` (and `second`)."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def _filter_calls() -> None:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    filter = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))

    def refuse(call: str, *when: Comparison, error: int = errno.EPERM) -> None:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number == -1:  # newer than this libseccomp
            return
        conditions = (Comparison * len(when))(*when)
        if failed := library.seccomp_rule_add_array(filter, REFUSE | error, number, len(when), conditions):
            raise OSError(-failed, f"{call}: {os.strerror(-failed)}")

    for call in FORBIDDEN_CALLS:
        refuse(call)
    refuse("tgkill", Comparison(0, NOT_EQUAL, os.getpid()))  # abort() signals its own process
    refuse("prlimit64", Comparison(0, NOT_EQUAL, 0))
    refuse("setpriority", Comparison(0, NOT_EQUAL, 0))
    refuse("setpriority", Comparison(1, NOT_EQUAL, 0))
    refuse("clone", Comparison(0, MASKED_EQUAL, CLONE_THREAD, 0))  # threads go on, processes do not
    refuse("clone3", error=errno.ENOSYS)  # its flags cannot be seen; libc then uses clone
    for command in (F_SETOWN, F_SETOWN_EX, F_SETSIG):  # a signal to somebody when a pipe is ready
        refuse("fcntl", Comparison(1, EQUAL, command))
    if failed := library.seccomp_load(filter):
        raise OSError(-failed, os.strerror(-failed))
    library.seccomp_release(filter)


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _refused(attempt: Callable[[], object]) -> bool:
    """Whether the system forbids it, or there is nothing to reach (no route, no such family of sockets)."""
    try:
        attempt()
    except OSError as error:
        return error.errno in (errno.EPERM, errno.EACCES, errno.ENETUNREACH, errno.EAFNOSUPPORT)
    return False


def _connect_udp() -> None:
    from _socket import AF_INET, SOCK_DGRAM, socket

    socket(AF_INET, SOCK_DGRAM).connect(("127.0.0.1", 9))  # sends nothing


def _connect_tcp() -> None:
    from _socket import AF_INET, socket

    socket(AF_INET).connect(("127.0.0.1", 9))


def _connect_local() -> None:
    from _socket import AF_UNIX, socket

    socket(AF_UNIX).connect("/nonexistent")


def _look_into_parent() -> None:
    os.close(os.open(f"/proc/{os.getppid()}/environ", os.O_RDONLY))


LAYERS = {
    "user nobody": _become_nobody,
    "namespaces": enter_own_namespaces,
    "Landlock": _restrict_files,
    "seccomp": _filter_calls,
}
