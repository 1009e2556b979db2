"""Starts a foreign program on what strangers send, and confines it as far as the system allows.

`python -m nexus_voice.workers.launch FOLDER MEMORY PROGRAM ARGUMENT...`: the program may write in the folder
only, which is its own, may read the system's programs besides, and has no network. It ends with its parent.
Where files cannot be closed to it, it is not started, and the exit status is `NOT_CONFINED`.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from . import confinement

NOT_CONFINED = 77
MAX_FILE_BYTES = 500_000_000
PROGRAM_PATHS = (
    "/usr", "/bin", "/lib", "/lib64", "/opt/libreoffice", "/nix/store", "/etc/ld.so.cache", "/etc/localtime",
    "/etc/fonts", "/etc/libreoffice", "/etc/alternatives",
    "/var/lib/libreoffice", "/var/spool/libreoffice", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo",
    "/sys/devices/system/cpu",
)  # fmt: skip
"""What a program of the system reads and runs, none of it a user's."""
RUN = confinement.EXECUTE | confinement.READ_FILE | confinement.READ_DIR
SOCKETS, MAKE_SOCKET = "/tmp", 1 << 9  # noqa: S108 - LibreOffice's own choice
"""LibreOffice insists on a socket in /tmp, by which another one would find it. (From linux/landlock.h.)"""
USE = confinement.READ_FILE | confinement.WRITE_FILE


def main(folder: str, memory: str, *command: str) -> None:
    confinement.end_with_parent()
    confinement.limit(int(memory), MAX_FILE_BYTES)
    if os.getuid() == 0:
        for path in (folder, *(os.path.join(folder, name) for name in os.listdir(folder))):
            os.chown(path, confinement.NOBODY, confinement.NOBODY)
        with suppress(OSError):
            confinement.become_nobody([command[0]])
    with suppress(OSError):
        confinement.enter_own_namespaces()
    home = os.path.dirname(os.path.dirname(os.path.realpath(command[0])))
    try:
        rules = {
            **dict.fromkeys((*PROGRAM_PATHS, home), RUN),
            "/dev/null": USE,
            SOCKETS: MAKE_SOCKET,
            folder: -1,
        }
        confinement.restrict(rules)
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_CONFINED)
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main(*sys.argv[1:])
